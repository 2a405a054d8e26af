/* Maxout, its gradient, and another scale. */
#include <math.h>

#include "check.h"

#define ROWS 3
#define PIECES 3

void check_maxout(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (isize pieces = 1; pieces <= PIECES; pieces++)
      for (places("n %td, pieces %td", n, pieces); next_place();) {
        float *z = random_floats(ROWS * pieces * n), *y = floats(ROWS * n);
        z[(ROWS - 1) * pieces * n + (pieces - 1) * n + n / 2] = NAN;
        z[n / 2] = -INFINITY;
        t->maxout(ROWS, n, pieces, z, y);
        for (isize i = 0; i < ROWS; i++)
          for (isize j = 0; j < n; j++) {
            double most = z[i * pieces * n + j];
            for (isize p = 1; p < pieces; p++) {
              const double next = z[(i * pieces + p) * n + j];
              if (isnan(next) || next > most) most = isnan(most) ? most : next;
            }
            expect(i, j, y[i * n + j], most, 0);
          }
      }
}

void check_maxout_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *z = random_floats(ROWS * PIECES * n), *y = floats(ROWS * n), *dy = random_floats(ROWS * n);
      float *dz = floats(ROWS * PIECES * n);
      z[n / 2] = z[n + n / 2] = 7; /* the first of equals */
      z[(ROWS * PIECES - 1) * n] = NAN;
      t->maxout(ROWS, n, PIECES, z, y);
      t->maxout_gradient(ROWS, n, PIECES, z, y, dy, dz);
      for (isize i = 0; i < ROWS; i++)
        for (isize j = 0; j < n; j++) {
          int given = 0;
          for (isize p = 0; p < PIECES; p++) {
            const isize at = (i * PIECES + p) * n + j;
            const int first = !given && (z[at] == y[i * n + j] || isnan(z[at]));
            expect(i, j, dz[at], first ? dy[i * n + j] : 0, 0);
            given |= first;
          }
        }
    }
}

void check_rescale(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = random_floats(n), *y = floats(n);
      x[n / 2] = n % 2 ? NAN : INFINITY;
      t->rescale(n, x, -1.5f, 0.3f, y);
      for (isize i = 0; i < n; i++)
        expect(0, i, y[i], -1.5f * (double)x[i] + 0.3f, 2 * UNIT * (fabs(1.5 * x[i]) + 0.3));
      t->rescale(n, x, -1.5f, 0.3f, x);
      expect_same(0, n, x, y);
    }
}
