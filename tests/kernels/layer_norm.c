/* The kernels of layer normalization. */
#include <math.h>

#include "check.h"

#define ROWS 4
#define EPSILON 1e-3f
#define TOLERANCE 4e-6 /* of a sum, relative to that of the absolute values */

static double mean_of(isize n, const float *x) {
  double sum = 0;
  for (isize j = 0; j < n; j++) sum += x[j];
  return sum / (double)n;
}

/* Each n twice: with and without the mean. */
void check_layer_norm(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int centred = 0; centred < 2; centred++)
      for (places("n %td, centred %d", n, centred); next_place();) {
        float *x = random_floats(ROWS * n), *gamma = random_floats(n), *beta = centred ? random_floats(n) : NULL;
        float *moments = floats(2 * ROWS), *y = floats(ROWS * n), *alone = floats(n), *pair = floats(2);
        for (isize i = 0; i < ROWS * n; i++) x[i] += 100 * (float)(i / n);
        x[(ROWS - 1) * n + n / 2] = NAN;
        t->layer_norm(ROWS, n, x, gamma, beta, EPSILON, moments, y);
        for (isize i = 0; i < ROWS; i++) {
          const float *row = x + i * n;
          const double mean = centred ? mean_of(n, row) : 0;
          double variance = 0;
          for (isize j = 0; j < n; j++) variance += (row[j] - mean) * (row[j] - mean) / (double)n;
          const double scale = 1 / sqrt(variance + EPSILON);
          expect(i, 0, moments[2 * i], mean, UNIT * fabs(mean));
          expect(i, 1, moments[2 * i + 1], scale, 2 * UNIT * scale);
          for (isize j = 0; j < n; j++) {
            const double h = (row[j] - mean) * scale * gamma[j], shift = centred ? beta[j] : 0;
            const double off = UNIT * fabs(mean) * scale * fabs(gamma[j]); /* of a mean that is rounded */
            expect(i, j, y[i * n + j], h + shift, off + 8 * UNIT * (fabs(h) + fabs(shift)));
          }
          t->layer_norm(1, n, row, gamma, beta, EPSILON, pair, alone);
          expect_same(i, n, alone, y + i * n);
          expect_same(i, 2, pair, moments + 2 * i);
        }
        t->layer_norm(ROWS, n, x, gamma, beta, EPSILON, moments, x);
        expect_same(0, ROWS * n, x, y);
      }
}

void check_layer_norm_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int centred = 0; centred < 2; centred++)
      for (places("n %td, centred %d", n, centred); next_place();) {
        float *x = random_floats(ROWS * n), *moments = random_floats(2 * ROWS), *gamma = random_floats(n);
        float *dy = random_floats(ROWS * n), *dx = floats(ROWS * n), *alone = floats(n);
        dy[(ROWS - 1) * n + n / 2] = NAN;
        t->layer_norm_gradient(ROWS, n, x, moments, gamma, centred, dy, dx);
        for (isize i = 0; i < ROWS; i++) {
          const double centre = moments[2 * i], scale = moments[2 * i + 1];
          double a = 0, b = 0, size_a = 0, size_b = 0;
          for (isize j = 0; j < n; j++) {
            const double g = gamma[j] * (double)dy[i * n + j], h = (x[i * n + j] - centre) * scale;
            if (centred) a += g / (double)n;
            b += g * h / (double)n;
            size_a += fabs(g) / (double)n, size_b += fabs(g * h) / (double)n;
          }
          for (isize j = 0; j < n; j++) {
            const double g = gamma[j] * (double)dy[i * n + j], h = (x[i * n + j] - centre) * scale;
            const double size = fabs(scale) * (fabs(g) + size_a + fabs(h) * size_b);
            expect(i, j, dx[i * n + j], scale * (g - a - h * b), TOLERANCE * size);
          }
          t->layer_norm_gradient(1, n, x + i * n, moments + 2 * i, gamma, centred, dy + i * n, alone);
          expect_same(i, n, alone, dx + i * n);
        }
        t->layer_norm_gradient(ROWS, n, x, moments, gamma, centred, dy, dy);
        expect_same(0, ROWS * n, dy, dx);
      }
}

void check_layer_norm_sums(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = random_floats(ROWS * n), *moments = random_floats(2 * ROWS), *dy = random_floats(ROWS * n);
      double *sum = items(n, 8), *product = items(n, 8);
      if (n > 3) x[2 * n + 3] = NAN;
      t->layer_norm_sums(ROWS, n, x, moments, dy, sum, product);
      for (isize j = 0; j < n; j++) {
        double s = 0, p = 0;
        for (isize i = 0; i < ROWS; i++) {
          s += dy[i * n + j];
          p += dy[i * n + j] * (((double)x[i * n + j] - moments[2 * i]) * moments[2 * i + 1]);
        }
        expect(0, j, sum[j], s, 1e-12);
        expect(1, j, product[j], p, 1e-12);
      }
    }
}
