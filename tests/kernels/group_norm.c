/* The gradient of group normalization. */
#include <math.h>

#include "check.h"

#define ROWS 5

void check_group_norm_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = random_floats(ROWS * n), *dy = random_floats(ROWS * n), *dx = floats(ROWS * n), *alone = floats(n);
      float *mean = random_floats(n), *scale = random_floats(n), *slope = random_floats(n), *shift = random_floats(n);
      dy[2 * n + n / 2] = NAN;
      t->group_norm_gradient(ROWS, n, x, mean, dy, scale, slope, shift, dx);
      for (isize i = 0; i < ROWS; i++) {
        for (isize j = 0; j < n; j++) {
          const double d = (double)scale[j] * dy[i * n + j], drift = ((double)x[i * n + j] - mean[j]) * slope[j];
          expect(i, j, dx[i * n + j], d - shift[j] - drift, 4 * UNIT * (fabs(d) + fabs(shift[j]) + fabs(drift)));
        }
        t->group_norm_gradient(1, n, x + i * n, mean, dy + i * n, scale, slope, shift, alone);
        expect_same(i, n, alone, dx + i * n);
      }
      t->group_norm_gradient(ROWS, n, x, mean, dy, scale, slope, shift, dy);
      expect_same(0, ROWS * n, dy, dx);
    }
}
