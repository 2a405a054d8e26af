/* Penalties, clipping, max-norm and the moving average. */
#include <math.h>

#include "check.h"

#define MANY 100000 /* too many for a sum in float */

static void check_penalty_of(const fastnn_table *t, isize n, int nan) {
  const double l1 = 0.25, l2 = 0.125;
  for (places("n %td, NaN %d", n, nan); next_place();) {
    const float *g = random_floats(n);
    float *w = random_floats(n), *g1 = copy(n, g), *g2 = copy(n, g);
    w[n / 3] = 0;
    if (nan) w[n / 2] = NAN;
    double sizes = 0, squares = 0;
    for (isize i = 0; i < n; i++) sizes += fabs(w[i]), squares += (double)w[i] * w[i];
    const double value = returned(t->penalty(n, w, l1, l2, g1)), expected = l1 * sizes + l2 * squares;
    expect(-1, -1, value, expected, 1e-13 * expected);
    expect(-1, 0, t->penalty(n, w, l1, l2, NULL), value, 0);
    for (isize i = 0; i < n; i++) {
      const double sign = isnan(w[i]) ? NAN : (w[i] > 0) - (w[i] < 0);
      expect(0, i, g1[i], g[i] + l1 * sign + 2 * l2 * w[i], 4 * UNIT * (fabs(g[i]) + l1 + 2 * l2 * fabs(w[i])));
    }
    const isize cut = n / 3;
    t->penalty(cut, w, l1, l2, g2);
    t->penalty(n - cut, w + cut, l1, l2, g2 + cut);
    expect_same(cut, n, g2, g1);
  }
}

void check_penalty(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int nan = 0; nan < 2; nan++) check_penalty_of(t, n, nan);
  check_penalty_of(t, MANY, 0);
}

void check_clip(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int bounded = 0; bounded < 2; bounded++)
      for (places("n %td, bounded %d", n, bounded); next_place();) {
        const float limit = bounded ? 0.5f : INFINITY, factor = uniform(0, 1);
        float *x = random_floats(n);
        x[n / 2] = n % 2 ? NAN : -INFINITY;
        float *y = copy(n, x);
        t->clip(n, y, limit, factor);
        for (isize i = 0; i < n; i++) {
          const double clipped = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
          expect(0, i, y[i], clipped * factor, isfinite(clipped) ? UNIT * fabs(clipped) : 0);
        }
      }
}

/* Columns on either side of the limit, with gaps between the rows; one that holds a NaN becomes that. */
void check_max_norm(const fastnn_table *t) {
  const float limit = 1.5f;
  for (isize n = 1; n <= TAILS; n++)
    for (isize rows = 1; rows <= 9; rows += 4)
      for (places("n %td, rows %td", n, rows); next_place();) {
        const isize row = n + 3;
        float *w = random_matrix(rows, n, row), *w1 = matrix(rows, n, row);
        w[n / 2] = NAN;
        for (isize i = 0; i < rows; i++)
          for (isize j = 0; j < n; j++) w1[i * row + j] = w[i * row + j];
        t->max_norm(rows, n, w1, row, limit);
        for (isize j = 0; j < n; j++) {
          double squares = 0;
          for (isize i = 0; i < rows; i++) squares += (double)w[i * row + j] * w[i * row + j];
          const double factor = sqrt(squares) <= limit ? 1 : limit / sqrt(squares);
          for (isize i = 0; i < rows; i++) {
            const double x = w[i * row + j];
            expect(i, j, w1[i * row + j], x * factor, factor == 1 ? 0 : 2 * UNIT * fabs(x));
          }
        }
      }
}

void check_average(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int first = 0; first < 2; first++)
      for (places("n %td, first %d", n, first); next_place();) {
        const float rest = first ? 1 : uniform(0, 1);
        const isize cut = n / 3;
        const float *mean = random_floats(n);
        float *x = random_floats(n), *mean1 = copy(n, mean), *mean2 = copy(n, mean);
        x[n / 2] = NAN;
        t->average(n, x, mean1, rest);
        for (isize i = 0; i < n; i++)
          expect(0, i, mean1[i], mean[i] + (double)rest * ((double)x[i] - mean[i]),
                 4 * UNIT * (fabs(x[i]) + fabs(mean[i])));
        t->average(cut, x, mean2, rest);
        t->average(n - cut, x + cut, mean2 + cut, rest);
        expect_same(cut, n, mean2, mean1);
      }
}
