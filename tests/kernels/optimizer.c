/* Parameter updates. A block may be shared out anywhere: what a part of it gets has the same bits. */
#include <math.h>
#include <string.h>

#include "check.h"

static float *copy(isize n, const float *x) {
  float *y = floats(n);
  memcpy(y, x, (size_t)n * sizeof *x);
  return y;
}

/* Without velocity, with momentum, and with nesterov; with a gradient that is NaN, which harms its parameter alone. */
void check_sgd(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int how = 0; how < 3; how++)
      for (places("n %td, kind %d", n, how); next_place();) {
        const float rate = uniform(0, 1), momentum = how ? uniform(0, 1) : 0;
        const isize cut = n / 3;
        const float *p = random_floats(n), *v = random_floats(n);
        float *g = random_floats(n), *p1 = copy(n, p), *v1 = copy(n, v), *p2 = copy(n, p), *v2 = copy(n, v);
        g[n / 2] = NAN;
        t->sgd(n, p1, g, how ? v1 : NULL, rate, momentum, how == 2);
        for (isize i = 0; i < n; i++) {
          const double velocity = how ? (double)momentum * v[i] + g[i] : g[i];
          const double step = how == 2 ? g[i] + momentum * velocity : velocity;
          const double size = 2 * fabs(g[i]) + momentum * fabs(v[i]);
          expect(1, i, v1[i], how ? velocity : v[i], how ? 2 * UNIT * size : 0);
          expect(0, i, p1[i], p[i] - rate * step, 5 * UNIT * (fabs(p[i]) + rate * size));
        }
        t->sgd(cut, p2, g, how ? v2 : NULL, rate, momentum, how == 2);
        t->sgd(n - cut, p2 + cut, g + cut, how ? v2 + cut : NULL, rate, momentum, how == 2);
        expect_same(cut, n, p2, p1);
        expect_same(cut, n, v2, v1);
      }
}

void check_adam(const fastnn_table *t) {
  const float epsilon = 1e-7f, rest1 = 0.1f, rest2 = 0.001f;
  for (isize n = 1; n <= TAILS; n++)
    for (int decays = 0; decays < 2; decays++)
      for (places("n %td, decay %d", n, decays); next_place();) {
        const float step = uniform(0, 0.1), correction = uniform(1, 30), shrink = decays ? uniform(0, 0.1) : 0;
        const isize cut = n / 3;
        const float *p = random_floats(n), *m = random_floats(n);
        float *v = random_floats(n), *g = random_floats(n);
        for (isize i = 0; i < n; i++) v[i] = i % 7 ? fabsf(v[i]) : 0; /* and a first step, where v is nearly nothing */
        g[n / 2] = n % 2 ? NAN : 0;
        float *p1 = copy(n, p), *m1 = copy(n, m), *v1 = copy(n, v), *p2 = copy(n, p), *m2 = copy(n, m),
              *v2 = copy(n, v);
        t->adam(n, p1, g, m1, v1, step, correction, rest1, rest2, epsilon, shrink);
        for (isize i = 0; i < n; i++) {
          const double first = m[i] + (double)rest1 * ((double)g[i] - m[i]);
          const double second = v[i] + (double)rest2 * ((double)g[i] * g[i] - v[i]);
          const double unit = step / (sqrt(second) * correction + epsilon), size = fabs(m[i]) + fabs(g[i]);
          expect(1, i, m1[i], first, 4 * UNIT * size);
          expect(2, i, v1[i], second, 4 * UNIT * (v[i] + rest2 * (double)g[i] * g[i]));
          expect(0, i, p1[i], p[i] - (shrink * (double)p[i] + unit * first), 12 * UNIT * (fabs(p[i]) + unit * size));
        }
        t->adam(cut, p2, g, m2, v2, step, correction, rest1, rest2, epsilon, shrink);
        t->adam(n - cut, p2 + cut, g + cut, m2 + cut, v2 + cut, step, correction, rest1, rest2, epsilon, shrink);
        expect_same(cut, n, p2, p1);
        expect_same(cut, n, m2, m1);
        expect_same(cut, n, v2, v1);
      }
}
