/* The convolution of pictures, channels last, as a product whose rows are windows (Chellapilla et al. 2006), which are
 * never copied: the channels of neighbouring taps lie side by side, so a tile of dense.h reads a run of k where it is.
 * Taps outside the picture are left out of the sums, instead of padding it with zeros. An output is summed over its
 * taps by rows, then columns, and over the channels of a tap, whatever the tile, the area or the share. */
#ifndef FASTNN_CONVOLUTION_H
#define FASTNN_CONVOLUTION_H

#include "dense.h"

/* Panels of the weight that take turns at a tile: up to 576 KB of them, in the second cache. */
#define WEIGHT_FLOATS 147456

typedef struct {
  isize first, last;
} span;

/* The taps of output i that lie in the picture: first..last-1. */
INLINE span taps_of(const fastnn_axis *a, isize i) {
  const isize place = i * a->stride - a->before, left = a->size - place;
  span taps = {place < 0 ? (a->dilation - 1 - place) / a->dilation : 0,
               left > 0 ? (left + a->dilation - 1) / a->dilation : 0};
  if (taps.last > a->taps) taps.last = a->taps;
  if (taps.first > taps.last) taps.first = taps.last;
  return taps;
}

/* The outputs that have tap k in the picture. */
INLINE span outputs_of(const fastnn_axis *a, isize k) {
  const isize place = k * a->dilation - a->before, left = a->size - place;
  span outputs = {place < 0 ? (a->stride - 1 - place) / a->stride : 0,
                  left > 0 ? (left + a->stride - 1) / a->stride : 0};
  if (outputs.last > a->outputs) outputs.last = a->outputs;
  if (outputs.first > outputs.last) outputs.first = outputs.last;
  return outputs;
}

/* Outputs of a picture that have the same taps: the middle, an edge, a corner. */
typedef struct {
  span rows, columns, row_taps, column_taps;
} area;

/* Outputs i.. before `end` that have the same taps as i. */
INLINE span same_taps(const fastnn_axis *a, isize i, isize end, span *taps) {
  span outputs = {i, i + 1};
  *taps = taps_of(a, i);
  for (; outputs.last < end; outputs.last++) {
    const span next = taps_of(a, outputs.last);
    if (next.first != taps->first || next.last != taps->last) break;
  }
  return outputs;
}

/* The outputs of an area in columns j..end-1 of a picture. A tile's rows go along the longer side. */
static void convolve(const fastnn_convolution *p, isize image, const area *s, isize j0, isize end) {
  const isize row_taps = s->row_taps.last - s->row_taps.first, column_taps = s->column_taps.last - s->column_taps.first;
  const isize height = s->rows.last - s->rows.first, width = s->columns.last - s->columns.first;
  const isize depth = p->rows.taps * p->columns.taps * p->in, weight_row = p->columns.taps * p->in;
  const isize skipped = s->row_taps.first * weight_row + s->column_taps.first * p->in;
  const isize tap_row = p->rows.dilation * p->x_row, tap_column = p->columns.dilation * p->x_pixel;
  const isize down = p->rows.stride * p->x_row, right = p->columns.stride * p->x_pixel;
  const int across = width >= height, joined = tap_column == p->in;
  const isize count = across ? width : height, lines = across ? height : width;
  const isize tiles_of_line = (count + TILE_ROWS - 1) / TILE_ROWS;
  const float *x = p->x + image * p->x_image + s->rows.first * down + s->columns.first * right +
                   s->row_taps.first * tap_row + s->column_taps.first * tap_column - p->rows.before * p->x_row -
                   p->columns.before * p->x_pixel;
  const isize y = image * p->y_image + s->rows.first * p->y_row + s->columns.first * p->y_pixel;
  /* Where the taps of a row lie side by side, they are one run, and the rows are the runs; else each tap is a run. */
  tile_arguments t = {.k = joined ? column_taps * p->in : p->in};
  t.runs = joined || !row_taps ? row_taps : column_taps;
  t.a_row = across ? right : down;
  t.a_column = 1;
  t.a_skip = (joined ? tap_row : tap_column) - t.k;
  t.c_row = across ? p->y_pixel : p->y_row;
  const isize calls = joined || !row_taps ? 1 : row_taps;
  for (isize line = 0; line < lines; line++)
    for (isize r = 0; r < tiles_of_line; r++) {
      const isize i = part_start(count, tiles_of_line, r), rows = part_start(count, tiles_of_line, r + 1) - i;
      const float *a = x + i * t.a_row + line * (across ? down : right);
      const isize at = y + i * t.c_row + line * (across ? p->y_row : p->y_pixel);
      for (isize j = j0; j < end; j += PANEL) {
        const isize n = p->out - j < PANEL ? p->out - j : PANEL, panel = panel_width(n);
        t.last = n - (panel - VL);
        t.b_row = panel;
        t.b_skip = joined ? (weight_row - t.k) * panel : 0;
        t.c = (p->z ? p->z : p->y) + at + j;
        for (isize c = 0; c < calls; c++) {
          t.a = a + c * tap_row;
          t.b = p->weight + j * depth + (skipped + c * weight_row) * panel;
          t.start = c ? t.c : p->bias ? p->bias + j : zeros;
          t.start_row = c ? t.c_row : 0;
          tiles[rows - 1][panel > VL][n == panel ? 0 : 1](&t);
        }
        activate(p->activation, rows, n, t.c, p->source ? p->source + at + j : NULL, t.c_row, p->y + at + j, t.c_row);
      }
    }
}

/* Rows first..last-1 of the output of one picture. */
static void kernel_convolution(const fastnn_convolution *p, isize image, isize first, isize last) {
  const isize depth = p->rows.taps * p->columns.taps * p->in;
  const isize panels = depth ? WEIGHT_FLOATS / (depth * PANEL) : 1, group = (panels > 1 ? panels : 1) * PANEL;
  area s;
  for (isize j = 0; j < p->out; j += group)
    for (s.rows.last = first; s.rows.last < last;) {
      s.rows = same_taps(&p->rows, s.rows.last, last, &s.row_taps);
      for (s.columns.last = 0; s.columns.last < p->columns.outputs;) {
        s.columns = same_taps(&p->columns, s.columns.last, p->columns.outputs, &s.column_taps);
        convolve(p, image, &s, j, p->out - j < group ? p->out : j + group);
      }
    }
}

/* Rows first..last-1, dweight_row apart, of dW (rows.taps * columns.taps * in, out), for the convolution from x to y,
 * which is dy here: the sum over pictures, rows and columns of outer products of a tap's channels and dy. Blocks of dy
 * are packed, so that all rows of dW read them from the nearest cache. With add, dW begins with what is there. */
static void kernel_convolution_weight_gradient(const fastnn_convolution *p, isize images, isize first, isize last,
                                               int add, float *dweight, isize dweight_row) {
  float panel[DEPTH * PANEL] __attribute__((aligned(64)));
  const isize width = p->columns.outputs < DEPTH ? p->columns.outputs : DEPTH, height = DEPTH / width;
  const isize down = p->rows.stride * p->x_row, right = p->columns.stride * p->x_pixel;
  if (!add)
    for (isize r = first; r < last; r++) memset(dweight + r * dweight_row, 0, (size_t)p->out * sizeof *dweight);
  for (isize image = 0; image < images; image++)
    for (isize y0 = 0; y0 < p->rows.outputs; y0 += height)
      for (isize x0 = 0; x0 < p->columns.outputs; x0 += width) {
        const isize y1 = y0 + height < p->rows.outputs ? y0 + height : p->rows.outputs;
        const isize x1 = x0 + width < p->columns.outputs ? x0 + width : p->columns.outputs;
        for (isize j = 0; j < p->out; j += PANEL) {
          const isize n = p->out - j < PANEL ? p->out - j : PANEL, w = panel_width(n);
          for (isize y = y0; y < y1; y++)
            pack(x1 - x0, n, p->y + image * p->y_image + y * p->y_row + x0 * p->y_pixel + j, p->y_pixel, 1, w,
                 panel + (y - y0) * width * w);
          for (isize tap = first / p->in; tap * p->in < last; tap++) {
            const isize ky = tap / p->columns.taps, kx = tap % p->columns.taps;
            span ys = outputs_of(&p->rows, ky), xs = outputs_of(&p->columns, kx);
            if (ys.first < y0) ys.first = y0;
            if (ys.last > y1) ys.last = y1;
            if (xs.first < x0) xs.first = x0;
            if (xs.last > x1) xs.last = x1;
            if (ys.first >= ys.last || xs.first >= xs.last) continue;
            const isize from = first > tap * p->in ? first - tap * p->in : 0;
            const isize to = last < (tap + 1) * p->in ? last - tap * p->in : p->in;
            const isize row_tiles = (to - from + TILE_ROWS - 1) / TILE_ROWS;
            tile_arguments t = {.k = xs.last - xs.first, .runs = ys.last - ys.first, .a_row = 1, .a_column = right};
            t.a_skip = down - t.k * right;
            t.b = panel + ((ys.first - y0) * width + xs.first - x0) * w;
            t.b_row = w;
            t.b_skip = (width - t.k) * w;
            t.last = n - (w - VL);
            t.c_row = t.start_row = dweight_row;
            const float *a = p->x + image * p->x_image + ys.first * down + xs.first * right +
                             (ky * p->rows.dilation - p->rows.before) * p->x_row +
                             (kx * p->columns.dilation - p->columns.before) * p->x_pixel;
            for (isize r = 0; r < row_tiles; r++) {
              const isize i = from + part_start(to - from, row_tiles, r);
              const isize rows = from + part_start(to - from, row_tiles, r + 1) - i;
              t.a = a + i;
              t.c = dweight + (tap * p->in + i) * dweight_row + j;
              t.start = t.c;
              tiles[rows - 1][w > VL][n == w ? 0 : 1](&t);
            }
          }
        }
      }
}

#endif
