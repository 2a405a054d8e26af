/* Windows that slide over images: the maximum, the mean, and their gradients. */
#include <math.h>

#include "check.h"

#define IMAGES 2

/* Windows apart, side by side, across each other, cut off by the border, over all; outputs as the formula has them. */
static const fastnn_axis axes[][2] = {
    {{.outputs = 2, .size = 4, .taps = 2, .stride = 2}, {.outputs = 3, .size = 7, .taps = 2, .stride = 2}},
    {{.outputs = 3, .size = 5, .taps = 3, .stride = 2, .before = 1}, {.outputs = 4, .size = 4, .taps = 2, .stride = 1}},
    {{.outputs = 1, .size = 1, .taps = 1, .stride = 1}, {.outputs = 4, .size = 5, .taps = 4, .stride = 2, .before = 3}},
    {{.outputs = 2, .size = 5, .taps = 1, .stride = 3}, {.outputs = 1, .size = 3, .taps = 3, .stride = 1}},
};
#define KINDS ((int)(sizeof axes / sizeof axes[0]))

/* Where tap k of window i is, or -1. */
static isize place_of(const fastnn_axis *a, isize i, isize k) {
  const isize place = i * a->stride + k - a->before;
  return place < a->size ? place : -1;
}

static fastnn_pooling pooling(int kind, isize n) {
  fastnn_pooling p = {.rows = axes[kind][0], .columns = axes[kind][1], .channels = n};
  p.rows.dilation = p.columns.dilation = 1;
  return p;
}

static isize pixels(const fastnn_pooling *p) { return p->rows.size * p->columns.size; }
static isize windows(const fastnn_pooling *p) { return p->rows.outputs * p->columns.outputs; }

/* The element of x that a window sees at a tap, or -1. window: counted over all images. */
static isize seen(const fastnn_pooling *p, isize window, isize tap, isize channel) {
  const isize image = window / windows(p), w = window % windows(p);
  const isize row = place_of(&p->rows, w / p->columns.outputs, tap / p->columns.taps);
  const isize column = place_of(&p->columns, w % p->columns.outputs, tap % p->columns.taps);
  return row < 0 || column < 0 ? -1 : (image * pixels(p) + row * p->columns.size + column) * p->channels + channel;
}

static isize taps(const fastnn_pooling *p) { return p->rows.taps * p->columns.taps; }

static isize count_of(const fastnn_pooling *p, isize window) {
  isize count = 0;
  for (isize tap = 0; tap < taps(p); tap++) count += seen(p, window, tap, 0) >= 0;
  return count;
}

void check_max_pool(const fastnn_table *t) {
  for (int kind = 0; kind < KINDS; kind++)
    for (isize n = 1; n <= TAILS; n++)
      for (places("kind %d, channels %td", kind, n); next_place();) {
        const fastnn_pooling p = pooling(kind, n);
        const isize in = IMAGES * pixels(&p) * n, out = IMAGES * windows(&p) * n, rows = IMAGES * p.rows.outputs;
        float *x = random_floats(in), *y = floats(out), *z = floats(out);
        uint8_t *place = items(out, 1);
        x[in / 2] = NAN;
        x[0] = x[n]; /* the first of equals */
        x[in - 1] = -INFINITY;
        t->max_pool(&p, 0, rows, x, y, place);
        for (isize w = 0; w < IMAGES * windows(&p); w++)
          for (isize c = 0; c < n; c++) {
            isize best = -1;
            for (isize tap = 0; tap < taps(&p); tap++) {
              const isize at = seen(&p, w, tap, c);
              if (at < 0) continue;
              if (best < 0 || x[at] > x[seen(&p, w, best, c)] || isnan(x[at])) best = tap;
            }
            expect(w, c, y[w * n + c], x[seen(&p, w, best, c)], 0);
            expect(w, c, place[w * n + c], (double)best, 0);
          }
        t->max_pool(&p, 0, rows, x, z, NULL);
        expect_same(0, out, z, y);
        t->max_pool(&p, rows - 1, 1, x, z, NULL);
        expect_same(rows - 1, p.columns.outputs * n, z + out - p.columns.outputs * n, y + out - p.columns.outputs * n);
      }
}

/* What a gradient must be, and of what size its terms are. */
#define MOST (IMAGES * 28 * TAILS)
static double sums[MOST], sizes[MOST];

static void clear(void) {
  for (isize at = 0; at < MOST; at++) sums[at] = sizes[at] = 0;
}

static void add(isize at, double d) {
  if (at < 0) return;
  sums[at] += d;
  sizes[at] += fabs(d);
}

static void expect_sums(const fastnn_pooling *p, const float *dx) {
  for (isize at = 0; at < IMAGES * pixels(p) * p->channels; at++)
    expect(at / p->channels, at % p->channels, dx[at], sums[at], 8 * UNIT * sizes[at]);
}

void check_max_pool_gradient(const fastnn_table *t) {
  for (int kind = 0; kind < KINDS; kind++)
    for (isize n = 1; n <= TAILS; n++)
      for (places("kind %d, channels %td", kind, n); next_place();) {
        const fastnn_pooling p = pooling(kind, n);
        const isize out = IMAGES * windows(&p) * n;
        float *dy = random_floats(out), *dx = floats(IMAGES * pixels(&p) * n);
        uint8_t *place = items(out, 1);
        clear();
        for (isize i = 0; i < out; i++) { /* also taps in the padding: nothing gets what they have */
          place[i] = (uint8_t)(random_bits() % (uint32_t)taps(&p));
          add(seen(&p, i / n, place[i], i % n), dy[i]);
        }
        t->max_pool_gradient(&p, 0, IMAGES * p.rows.size, place, dy, dx);
        expect_sums(&p, dx);
      }
}

void check_average_pool(const fastnn_table *t) {
  for (int kind = 0; kind < KINDS; kind++)
    for (isize n = 1; n <= TAILS; n++)
      for (places("kind %d, channels %td", kind, n); next_place();) {
        const fastnn_pooling p = pooling(kind, n);
        const isize in = IMAGES * pixels(&p) * n, out = IMAGES * windows(&p) * n, rows = IMAGES * p.rows.outputs;
        float *x = random_floats(in), *y = floats(out);
        for (int mean = 0; mean < 2; mean++) {
          t->average_pool(&p, mean, 0, rows, x, y);
          for (isize w = 0; w < IMAGES * windows(&p); w++)
            for (isize c = 0; c < n; c++) {
              double sum = 0;
              for (isize tap = 0; tap < taps(&p); tap++)
                if (seen(&p, w, tap, c) >= 0) sum += x[seen(&p, w, tap, c)];
              if (mean) sum /= (double)count_of(&p, w);
              expect(w, c, y[w * n + c], sum, 2 * UNIT * fabs(sum));
            }
        }
      }
}

void check_average_pool_gradient(const fastnn_table *t) {
  for (int kind = 0; kind < KINDS; kind++)
    for (isize n = 1; n <= TAILS; n++)
      for (places("kind %d, channels %td", kind, n); next_place();) {
        const fastnn_pooling p = pooling(kind, n);
        float *dy = random_floats(IMAGES * windows(&p) * n), *dx = floats(IMAGES * pixels(&p) * n);
        for (int mean = 0; mean < 2; mean++) {
          clear();
          for (isize w = 0; w < IMAGES * windows(&p); w++) {
            const double share = mean ? 1 / (double)count_of(&p, w) : 1;
            for (isize c = 0; c < n; c++)
              for (isize tap = 0; tap < taps(&p); tap++) add(seen(&p, w, tap, c), dy[w * n + c] * share);
          }
          t->average_pool_gradient(&p, mean, 0, IMAGES * p.rows.size, dy, dx);
          expect_sums(&p, dx);
        }
      }
}
