/* Pooling: the maximum or the mean of windows that slide over images, channels last. A window's taps are numbered
 * by rows, then columns; those outside the image are left out. first, rows: which rows, counted over all images.
 * A gradient is gathered from the windows that contain a position, so that each is written once, in one order. */
#ifndef FASTNN_POOLING_H
#define FASTNN_POOLING_H

#include "columns.h"
#include "convolution.h" /* span, taps_of */

INLINE isize length(span s) { return s.last - s.first; }

/* The windows that contain a position. Sizes fit into 32 bits, where a division costs less. */
INLINE span windows_over(const fastnn_axis *a, isize place) {
  const isize end = place + a->before, start = end - a->taps;
  const isize first = start < 0 ? 0 : (uint32_t)start / (uint32_t)a->stride + 1;
  const isize last = (uint32_t)end / (uint32_t)a->stride + 1;
  return (span){first, last < a->outputs ? last : a->outputs};
}

/* The taps of a window, or the windows over a position: some rows and columns of a feature map, where the first element
 * is, and the gap between the end of a row and the next. */
typedef struct {
  span rows, columns;
  isize start, skip;
} patch;

INLINE patch window_at(const fastnn_pooling *p, span rows, isize i, isize j) {
  const span columns = taps_of(&p->columns, j);
  const isize row = i * p->rows.stride - p->rows.before + rows.first;
  const isize column = j * p->columns.stride - p->columns.before + columns.first;
  const isize skip = p->columns.size - length(columns);
  return (patch){rows, columns, (row * p->columns.size + column) * p->channels, skip * p->channels};
}

INLINE patch windows_at(const fastnn_pooling *p, span rows, isize column) {
  const span columns = windows_over(&p->columns, column);
  const isize skip = p->columns.outputs - length(columns);
  return (patch){rows, columns, (rows.first * p->columns.outputs + columns.first) * p->channels, skip * p->channels};
}

INLINE isize picture(const fastnn_pooling *p) { return p->rows.size * p->columns.size * p->channels; }
INLINE isize windows(const fastnn_pooling *p) { return p->rows.outputs * p->columns.outputs * p->channels; }

INLINE void greatest_tap(const int vectors, isize left, const int keep, const fastnn_pooling *p, const patch *w,
                         const float *x, float *y, uint8_t *place) {
  vf most[ABREAST];
  vi at[ABREAST];
  for (int v = 0; v < vectors; v++) {
    most[v] = broadcast(-__builtin_inff());
    at[v] = (vi){0} + (int32_t)(w->rows.first * p->columns.taps + w->columns.first);
  }
  for (isize a = w->rows.first; a < w->rows.last; a++, x += w->skip)
    for (isize b = w->columns.first; b < w->columns.last; b++, x += p->channels)
      for (int v = 0; v < vectors; v++) {
        const vf next = load_up_to(x + v * VL, left);
        const vi better = (next > most[v]) | (next != next);
        most[v] = choose(better, next, most[v]);
        if (keep) at[v] = (better & (int32_t)(a * p->columns.taps + b)) | (~better & at[v]);
      }
  for (int v = 0; v < vectors; v++) {
    store_up_to(y + v * VL, most[v], left);
    if (keep) store_bytes(place + v * VL, at[v], left);
  }
}

/* y = the maximum of each window of x, NaN where one is NaN; place, unless it is NULL: which tap, the first in a tie
 * and the last NaN. With a place, at most 256 taps. */
static void kernel_max_pool(const fastnn_pooling *p, isize first, isize rows, const float *x, float *y,
                            uint8_t *place) {
  for (isize row = first; row < first + rows; row++) {
    const isize image = row / p->rows.outputs, i = row % p->rows.outputs;
    const span taps = taps_of(&p->rows, i);
    for (isize column = 0; column < p->columns.outputs; column++) {
      const patch w = window_at(p, taps, i, column);
      const isize from = image * picture(p) + w.start, to = (row * p->columns.outputs + column) * p->channels;
#define GREATEST(vectors, left) greatest_tap(vectors, left, 0, p, &w, x + from + j, y + to + j, NULL)
#define GREATEST_PLACE(vectors, left) greatest_tap(vectors, left, 1, p, &w, x + from + j, y + to + j, place + to + j)
      if (place)
        EACH_COLUMNS(VL, p->channels, GREATEST_PLACE);
      else
        EACH_COLUMNS(VL, p->channels, GREATEST);
    }
  }
}

/* dx[row, column] = the sum of dy over the windows w of which it is the tap `place`. */
INLINE void of_places(const int vectors, isize left, const fastnn_pooling *p, const patch *w, isize row, isize column,
                      const uint8_t *place, const float *dy, float *dx) {
  vf sum[ABREAST];
  for (int v = 0; v < vectors; v++) sum[v] = (vf){0};
  for (isize i = w->rows.first; i < w->rows.last; i++, dy += w->skip, place += w->skip)
    for (isize k = w->columns.first; k < w->columns.last; k++, dy += p->channels, place += p->channels) {
      const isize a = row + p->rows.before - i * p->rows.stride;
      const isize b = column + p->columns.before - k * p->columns.stride;
      for (int v = 0; v < vectors; v++) {
        const vf d = load_up_to(dy + v * VL, left);
        sum[v] += (vf)((vi)d & (load_bytes(place + v * VL, left) == (int32_t)(a * p->columns.taps + b)));
      }
    }
  for (int v = 0; v < vectors; v++) store_up_to(dx + v * VL, sum[v], left);
}

static void kernel_max_pool_gradient(const fastnn_pooling *p, isize first, isize rows, const uint8_t *place,
                                     const float *dy, float *dx) {
  for (isize r = first; r < first + rows; r++) {
    const isize image = r / p->rows.size, row = r % p->rows.size;
    const span over = windows_over(&p->rows, row);
    for (isize column = 0; column < p->columns.size; column++) {
      const patch w = windows_at(p, over, column);
      const isize from = image * windows(p) + w.start, to = (r * p->columns.size + column) * p->channels;
#define OF_PLACES(vectors, left) \
  of_places(vectors, left, p, &w, row, column, place + from + j, dy + from + j, dx + to + j)
      EACH_COLUMNS(VL, p->channels, OF_PLACES);
    }
  }
}

INLINE void tap_sum(const int vectors, isize left, isize channels, const patch *w, double factor, const float *x,
                    float *y) {
  vw sum[ABREAST];
  for (int v = 0; v < vectors; v++) sum[v] = (vw){0};
  for (isize a = w->rows.first; a < w->rows.last; a++, x += w->skip)
    for (isize b = w->columns.first; b < w->columns.last; b++, x += channels)
      for (int v = 0; v < vectors; v++) sum[v] += load_wide(x + v * WL, left);
  for (int v = 0; v < vectors; v++) store_narrow(y + v * WL, sum[v] * factor, left);
}

/* y = the mean of the taps of each window of x, or their sum; summed in double. */
static void kernel_average_pool(const fastnn_pooling *p, int mean, isize first, isize rows, const float *x, float *y) {
  for (isize row = first; row < first + rows; row++) {
    const isize image = row / p->rows.outputs, i = row % p->rows.outputs;
    const span taps = taps_of(&p->rows, i);
    for (isize column = 0; column < p->columns.outputs; column++) {
      const patch w = window_at(p, taps, i, column);
      const isize count = length(w.rows) * length(w.columns);
      const isize from = image * picture(p) + w.start, to = (row * p->columns.outputs + column) * p->channels;
      const double factor = mean ? 1.0 / (double)count : 1.0;
#define TAP_SUM(vectors, left) tap_sum(vectors, left, p->channels, &w, factor, x + from + j, y + to + j)
      EACH_COLUMNS(WL, p->channels, TAP_SUM);
    }
  }
}

/* dx = the sum of the shares of dy over the windows w: 1, or 1 / the number of taps of the window. */
INLINE void of_windows(const int vectors, isize left, int mean, const fastnn_pooling *p, const patch *w,
                       const float *dy, float *dx) {
  vf sum[ABREAST];
  for (int v = 0; v < vectors; v++) sum[v] = (vf){0};
  for (isize i = w->rows.first; i < w->rows.last; i++, dy += w->skip)
    for (isize k = w->columns.first; k < w->columns.last; k++, dy += p->channels) {
      const isize count = length(taps_of(&p->rows, i)) * length(taps_of(&p->columns, k));
      const float share = mean ? 1.0f / (float)count : 1.0f;
      for (int v = 0; v < vectors; v++) {
        const vf d = load_up_to(dy + v * VL, left);
        sum[v] += share * d;
      }
    }
  for (int v = 0; v < vectors; v++) store_up_to(dx + v * VL, sum[v], left);
}

static void kernel_average_pool_gradient(const fastnn_pooling *p, int mean, isize first, isize rows, const float *dy,
                                         float *dx) {
  for (isize r = first; r < first + rows; r++) {
    const isize image = r / p->rows.size, row = r % p->rows.size;
    const span over = windows_over(&p->rows, row);
    for (isize column = 0; column < p->columns.size; column++) {
      const patch w = windows_at(p, over, column);
      const isize from = image * windows(p) + w.start, to = (r * p->columns.size + column) * p->channels;
#define OF_WINDOWS(vectors, left) of_windows(vectors, left, mean, p, &w, dy + from + j, dx + to + j)
      EACH_COLUMNS(VL, p->channels, OF_WINDOWS);
    }
  }
}

#endif
