/* PReLU and its gradients. */
#include <math.h>

#include "check.h"

/* Rows with gaps, some of whose elements are not numbers. */
static float *drawn(isize rows, isize n, isize row) {
  float *x = random_matrix(rows, n, row);
  for (isize i = 0; i < rows; i++) x[i * row + i % n] = i % 3 == 0 ? 0 : i % 3 == 1 ? NAN : -INFINITY;
  return x;
}

void check_prelu(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      const isize rows = 1 + n % 5, row = n + n % 3;
      float *x = drawn(rows, n, row), *slope = random_floats(n), *y = matrix(rows, n, row), *alone = floats(1);
      t->prelu(rows, n, x, row, slope, y);
      for (isize i = 0; i < rows; i++)
        for (isize j = 0; j < n; j++) {
          const double v = x[i * row + j], expected = v > 0 ? v : slope[j] * v;
          expect_units(j, y[i * row + j], expected, expected, 0.5);
          t->prelu(1, 1, x + i * row + j, 1, slope + j, alone);
          expect_same(j, 1, alone, y + i * row + j);
        }
      t->prelu(rows, n, x, row, slope, x);
      for (isize i = 0; i < rows; i++) expect_same(i, n, x + i * row, y + i * row);
    }
}

void check_prelu_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      const isize rows = 1 + n % 9, row = n + n % 3;
      float *x = drawn(rows, n, row), *slope = random_floats(n), *dy = random_matrix(rows, n, row);
      float *before = random_floats(n), *dslope = floats(n), *alone = floats(1);
      float *dx = matrix(rows, n, row), *dx_alone = matrix(rows, 1, row);
      for (isize j = 0; j < n; j++) dslope[j] = before[j];
      t->prelu_gradient(rows, n, x, row, slope, dy, dx, dslope);
      for (isize j = 0; j < n; j++) {
        double sum = before[j], size = fabs(sum);
        for (isize i = 0; i < rows; i++) {
          const double v = x[i * row + j], g = dy[i * row + j], expected = v > 0 ? g : slope[j] * g;
          if (!(v > 0)) sum += v * g, size += fabs(v * g);
          expect_units(j, dx[i * row + j], expected, expected, 0.5);
        }
        expect(0, j, dslope[j], sum, (double)(2 * rows) * UNIT * size);
        *alone = before[j];
        t->prelu_gradient(rows, 1, x + j, row, slope + j, dy + j, dx_alone, alone);
        expect_same(j, 1, alone, dslope + j);
        for (isize i = 0; i < rows; i++) expect_same(j, 1, dx_alone + i * row, dx + i * row + j);
      }
      t->prelu_gradient(rows, n, x, row, slope, dy, dy, n % 2 ? dslope : NULL);
      for (isize i = 0; i < rows; i++) expect_same(i, n, dy + i * row, dx + i * row);
    }
}
