/* Parameter updates. A block may be shared out anywhere: what a part of it gets has the same bits. */
#include <math.h>

#include "check.h"

/* Without velocity, with momentum, and with nesterov and decay; a gradient that is NaN harms its parameter alone. */
void check_sgd(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int how = 0; how < 3; how++)
      for (places("n %td, kind %d", n, how); next_place();) {
        const float rate = uniform(0, 1), momentum = how ? uniform(0, 1) : 0, decay = how == 2 ? uniform(0, 1) : 0;
        const isize cut = n / 3;
        const float *p = random_floats(n), *v = random_floats(n);
        float *g = random_floats(n), *p1 = copy(n, p), *v1 = copy(n, v), *p2 = copy(n, p), *v2 = copy(n, v);
        g[n / 2] = NAN;
        t->sgd(n, p1, g, how ? v1 : NULL, rate, momentum, how == 2, decay);
        for (isize i = 0; i < n; i++) {
          const double slope = g[i] + (double)decay * p[i], steep = fabs(g[i]) + decay * fabs(p[i]);
          const double velocity = how ? (double)momentum * v[i] + slope : slope;
          const double step = how == 2 ? slope + momentum * velocity : velocity;
          const double size = 2 * steep + momentum * fabs(v[i]);
          expect(1, i, v1[i], how ? velocity : v[i], how ? 3 * UNIT * size : 0);
          expect(0, i, p1[i], p[i] - rate * step, 6 * UNIT * (fabs(p[i]) + rate * size));
        }
        t->sgd(cut, p2, g, how ? v2 : NULL, rate, momentum, how == 2, decay);
        t->sgd(n - cut, p2 + cut, g + cut, how ? v2 + cut : NULL, rate, momentum, how == 2, decay);
        expect_same(cut, n, p2, p1);
        expect_same(cut, n, v2, v1);
      }
}

/* Plain, with decoupled decay, and as Nadam with decay through the gradient. */
void check_adam(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int how = 0; how < 3; how++)
      for (places("n %td, kind %d", n, how); next_place();) {
        const fastnn_adam s = {.step = uniform(0, 0.1),
                               .ahead = how == 2 ? uniform(0, 0.1) : 0,
                               .correction = uniform(1, 30),
                               .rest1 = 0.1f,
                               .rest2 = 0.001f,
                               .epsilon = 1e-7f,
                               .decay = how == 2 ? uniform(0, 0.1) : 0,
                               .shrink = how == 1 ? uniform(0, 0.1) : 0};
        const isize cut = n / 3;
        const float *p = random_floats(n), *m = random_floats(n);
        float *v = random_floats(n), *g = random_floats(n);
        for (isize i = 0; i < n; i++) v[i] = i % 7 ? fabsf(v[i]) : 0; /* and a first step, where v is nearly nothing */
        g[n / 2] = n % 2 ? NAN : 0;
        float *p1 = copy(n, p), *m1 = copy(n, m), *v1 = copy(n, v), *p2 = copy(n, p), *m2 = copy(n, m),
              *v2 = copy(n, v);
        t->adam(n, p1, g, m1, v1, &s);
        for (isize i = 0; i < n; i++) {
          const double slope = g[i] + (double)s.decay * p[i], steep = fabs(g[i]) + s.decay * fabs(p[i]);
          const double first = m[i] + (double)s.rest1 * (slope - m[i]);
          const double second = v[i] + (double)s.rest2 * (slope * slope - v[i]);
          const double unit = 1 / (sqrt(second) * s.correction + s.epsilon), size = fabs(m[i]) + steep;
          const double change = unit * (s.step * first + s.ahead * slope), most = unit * (s.step + s.ahead) * size;
          /* what rounds in slope changes the root by as much again where v is nothing */
          const double spread = how == 2 ? unit * (s.step + s.ahead) * size * steep / (fabs(slope) + 1e-30) : 0;
          expect(1, i, m1[i], first, 4 * UNIT * size);
          expect(2, i, v1[i], second, 8 * UNIT * (v[i] + s.rest2 * steep * steep));
          expect(0, i, p1[i], p[i] - (s.shrink * (double)p[i] + change), 16 * UNIT * (fabs(p[i]) + most + spread));
        }
        t->adam(cut, p2, g, m2, v2, &s);
        t->adam(n - cut, p2 + cut, g + cut, m2 + cut, v2 + cut, &s);
        expect_same(cut, n, p2, p1);
        expect_same(cut, n, m2, m1);
        expect_same(cut, n, v2, v1);
      }
}

/* Where the mean is nearly 0 the sign may be either; a mean of exactly 0 gives none. */
void check_lion(const fastnn_table *t) {
  const float rest1 = 0.1f, rest2 = 0.01f;
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      const float rate = uniform(0, 0.1), shrink = uniform(0, 0.1);
      const isize cut = n / 3;
      const float *p = random_floats(n);
      float *m = random_floats(n), *g = random_floats(n);
      m[n / 3] = g[n / 3] = 0;
      g[n / 2] = n % 2 ? NAN : g[n / 2];
      float *p1 = copy(n, p), *m1 = copy(n, m), *p2 = copy(n, p), *m2 = copy(n, m);
      t->lion(n, p1, g, m1, rate, rest1, rest2, shrink);
      for (isize i = 0; i < n; i++) {
        const double mean = m[i] + (double)rest1 * ((double)g[i] - m[i]), size = fabs(m[i]) + fabs(g[i]);
        const double way = isnan(mean) ? NAN : (mean > 0) - (mean < 0);
        const double doubt = fabs(mean) < 4 * UNIT * size ? 2 * rate : 0;
        expect(0, i, p1[i], p[i] - (shrink * (double)p[i] + rate * way), 4 * UNIT * (fabs(p[i]) + rate) + doubt);
        expect(1, i, m1[i], m[i] + (double)rest2 * ((double)g[i] - m[i]), 4 * UNIT * size);
      }
      t->lion(cut, p2, g, m2, rate, rest1, rest2, shrink);
      t->lion(n - cut, p2 + cut, g + cut, m2 + cut, rate, rest1, rest2, shrink);
      expect_same(cut, n, p2, p1);
      expect_same(cut, n, m2, m1);
    }
}
