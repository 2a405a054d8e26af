/* Row softmax and its logarithm, and their gradients. */
#include <math.h>

#include "check.h"

#define ROWS 3
/* Of a result, relative to it: a few units for exp, and one rounding for each of up to TAILS terms of its sum. */
#define TOLERANCE 4e-6

double log_of_sum(isize n, const float *x) {
  double greatest = -INFINITY, sum = 0;
  for (isize j = 0; j < n; j++) greatest = fmax(greatest, x[j]);
  for (isize j = 0; j < n; j++) sum += exp(x[j] - greatest);
  return greatest + log(sum);
}

static double softmax_of(isize n, const float *x, isize j) { return exp(x[j] - log_of_sum(n, x)); }

int has_nan(isize n, const float *x) {
  for (isize j = 0; j < n; j++)
    if (isnan(x[j])) return 1;
  return 0;
}

/* The last row may have a NaN, or an output of -inf next to a finite one: what is wrong with a row stays there. */
void spoil(isize rows, isize n, float *x, int how) {
  float *last = x + (rows - 1) * n;
  if (how == 1) last[n / 2] = NAN;
  if (how == 2 && n > 1) last[n / 2] = -INFINITY;
}

void check_softmax(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int how = 0; how < 3; how++)
      for (places("n %td, special %d", n, how); next_place();) {
        float *x = random_floats(ROWS * n), *y = floats(ROWS * n), *alone = floats(n);
        for (isize i = 0; i < ROWS * n; i++)
          x[i] += 1000 * (float)(i / n - 1); /* too much for exp without the maximum */
        spoil(ROWS, n, x, how);
        t->softmax(ROWS, n, x, y);
        for (isize i = 0; i < ROWS; i++) {
          const float *row = x + i * n;
          for (isize j = 0; j < n; j++) {
            const double expected = has_nan(n, row) ? NAN : softmax_of(n, row, j);
            expect(i, j, y[i * n + j], expected, TOLERANCE * expected);
          }
          t->softmax(1, n, row, alone);
          expect_same(i, n, alone, y + i * n);
        }
        t->softmax(ROWS, n, x, x);
        expect_same(0, ROWS * n, x, y);
      }
}

void check_softmax_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *y = floats(ROWS * n), *dy = random_floats(ROWS * n), *dx = floats(ROWS * n), *alone = floats(n);
      for (isize i = 0; i < ROWS * n; i++) y[i] = uniform(0, 1);
      dy[(ROWS - 1) * n + n / 2] = NAN;
      t->softmax_gradient(ROWS, n, y, dy, dx);
      for (isize i = 0; i < ROWS; i++) {
        const float *yi = y + i * n, *dyi = dy + i * n;
        double dot = 0, size = 0;
        for (isize j = 0; j < n; j++) dot += yi[j] * (double)dyi[j], size += fabs(yi[j] * (double)dyi[j]);
        for (isize j = 0; j < n; j++)
          expect(i, j, dx[i * n + j], yi[j] * (dyi[j] - dot), TOLERANCE * yi[j] * (fabs(dyi[j]) + size));
        t->softmax_gradient(1, n, yi, dyi, alone);
        expect_same(i, n, alone, dx + i * n);
      }
      t->softmax_gradient(ROWS, n, y, dy, dy);
      expect_same(0, ROWS * n, dy, dx);
    }
}

void check_log_softmax(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int how = 0; how < 3; how++)
      for (places("n %td, special %d", n, how); next_place();) {
        float *x = random_floats(ROWS * n), *y = floats(ROWS * n), *alone = floats(n);
        for (isize i = 0; i < ROWS * n; i++) x[i] += 1000 * (float)(i / n - 1);
        spoil(ROWS, n, x, how);
        t->log_softmax(ROWS, n, x, y);
        for (isize i = 0; i < ROWS; i++) {
          const float *row = x + i * n;
          for (isize j = 0; j < n; j++) {
            const double expected = has_nan(n, row) ? NAN : row[j] - log_of_sum(n, row);
            expect(i, j, y[i * n + j], expected, TOLERANCE * (1 + fabs(expected)));
          }
          t->log_softmax(1, n, row, alone);
          expect_same(i, n, alone, y + i * n);
        }
        t->log_softmax(ROWS, n, x, x);
        expect_same(0, ROWS * n, x, y);
      }
}

void check_log_softmax_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *y = floats(ROWS * n), *dy = random_floats(ROWS * n), *dx = floats(ROWS * n), *alone = floats(n);
      for (isize i = 0; i < ROWS * n; i++) y[i] = i % 7 ? uniform(-20, 0) : -INFINITY;
      dy[(ROWS - 1) * n + n / 2] = NAN;
      t->log_softmax_gradient(ROWS, n, y, dy, dx);
      for (isize i = 0; i < ROWS; i++) {
        const float *yi = y + i * n, *dyi = dy + i * n;
        double sum = 0, size = 0;
        for (isize j = 0; j < n; j++) sum += dyi[j], size += fabs(dyi[j]);
        for (isize j = 0; j < n; j++)
          expect(i, j, dx[i * n + j], dyi[j] - exp(yi[j]) * sum, TOLERANCE * (fabs(dyi[j]) + exp(yi[j]) * size));
        t->log_softmax_gradient(1, n, yi, dyi, alone);
        expect_same(i, n, alone, dx + i * n);
      }
      t->log_softmax_gradient(ROWS, n, y, dy, dy);
      expect_same(0, ROWS * n, dy, dx);
    }
}
