/* The kernels of batch normalization. */
#include <math.h>

#include "check.h"

#define ROWS 5
#define EPSILON 1e-3f

static void positive(isize n, float *x) {
  for (isize i = 0; i < n; i++) x[i] = x[i] * x[i] + 0.1f;
}

void check_centred_sums(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int weighted = 0; weighted < 2; weighted++)
      for (places("n %td, weighted %d", n, weighted); next_place();) {
        float *x = random_floats(ROWS * n), *centre = random_floats(n), *dy = weighted ? random_floats(ROWS * n) : NULL;
        double *sum = items(n, 8), *product = items(n, 8);
        for (isize i = 0; i < ROWS * n; i++) x[i] += 1e6f;
        for (isize j = 0; j < n; j++) centre[j] += 1e6f;
        if (n > 3) x[2 * n + 3] = NAN;
        t->centred_sums(ROWS, n, x, centre, dy, sum, product);
        for (isize j = 0; j < n; j++) {
          double s = 0, p = 0;
          for (isize i = 0; i < ROWS; i++) {
            const double d = (double)x[i * n + j] - centre[j], w = dy ? dy[i * n + j] : d;
            s += w, p += w * d;
          }
          expect(0, j, sum[j], s, 1e-12);
          expect(1, j, product[j], p, 1e-12);
        }
      }
}

void check_batch_norm(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = random_floats(ROWS * n), *y = floats(ROWS * n), *alone = floats(n);
      float *mean = random_floats(n), *variance = random_floats(n), *gamma = random_floats(n), *beta = random_floats(n);
      positive(n, variance);
      x[n + n / 2] = n % 2 ? NAN : INFINITY;
      t->batch_norm(ROWS, n, x, mean, variance, gamma, beta, EPSILON, y);
      for (isize i = 0; i < ROWS; i++) {
        for (isize j = 0; j < n; j++) {
          const double scale = gamma[j] / sqrt((double)variance[j] + EPSILON), d = (double)x[i * n + j] - mean[j];
          expect(i, j, y[i * n + j], d * scale + beta[j], 8 * UNIT * (fabs(d * scale) + fabs(beta[j])));
        }
        t->batch_norm(1, n, x + i * n, mean, variance, gamma, beta, EPSILON, alone);
        expect_same(i, n, alone, y + i * n);
      }
      t->batch_norm(ROWS, n, x, mean, variance, gamma, beta, EPSILON, x);
      expect_same(0, ROWS * n, x, y);
    }
}

void check_batch_norm_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = random_floats(ROWS * n), *dy = random_floats(ROWS * n), *dx = floats(ROWS * n), *alone = floats(n);
      float *mean = random_floats(n), *variance = random_floats(n), *gamma = random_floats(n);
      float *shift = random_floats(n), *slope = random_floats(n);
      positive(n, variance);
      dy[2 * n + n / 2] = NAN;
      t->batch_norm_gradient(ROWS, n, x, mean, variance, gamma, EPSILON, shift, slope, dy, dx);
      for (isize i = 0; i < ROWS; i++) {
        for (isize j = 0; j < n; j++) {
          const double wide = (double)variance[j] + EPSILON, scale = gamma[j] / sqrt(wide), d = dy[i * n + j];
          const double drift = ((double)x[i * n + j] - mean[j]) * slope[j] / wide;
          expect(i, j, dx[i * n + j], scale * (d - shift[j] - drift),
                 8 * UNIT * fabs(scale) * (fabs(d) + fabs(shift[j]) + fabs(drift)));
        }
        t->batch_norm_gradient(1, n, x + i * n, mean, variance, gamma, EPSILON, shift, slope, dy + i * n, alone);
        expect_same(i, n, alone, dx + i * n);
      }
      t->batch_norm_gradient(ROWS, n, x, mean, variance, gamma, EPSILON, shift, slope, dy, dy);
      expect_same(0, ROWS * n, dy, dx);
    }
}
