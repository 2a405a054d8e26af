/* Updates with a rate for each parameter. A part of a block has the same bits as in the whole. */
#include <math.h>

#include "check.h"

/* Positive, and nothing now and then: where a mean square begins. */
static float *squares(isize n) {
  float *v = random_floats(n);
  for (isize i = 0; i < n; i++) v[i] = i % 7 ? v[i] * v[i] : 0;
  return v;
}

/* Plain, with momentum, centred, and both; with decay in the last. */
void check_rmsprop(const fastnn_table *t) {
  const float rest = 0.125f, epsilon = 0.01f;
  for (isize n = 1; n <= TAILS; n++)
    for (int how = 0; how < 4; how++)
      for (places("n %td, kind %d", n, how); next_place();) {
        const float rate = uniform(0, 1), momentum = how & 1 ? uniform(0, 1) : 0, decay = how == 3 ? 0.25f : 0;
        const isize cut = n / 3;
        const float *p = random_floats(n), *v = squares(n), *b = random_floats(n);
        float *g = random_floats(n), *a = random_floats(n);
        g[n / 2] = n % 2 ? NAN : 0;
        /* sometimes the mean square is that of the mean, and what is left of it is rounding */
        for (isize i = 0; i < n; i++) a[i] = i % 5 ? 0.5f * sqrtf(v[i]) : sqrtf(v[i]);
        float *p1 = copy(n, p), *v1 = copy(n, v), *a1 = copy(n, a), *b1 = copy(n, b);
        float *p2 = copy(n, p), *v2 = copy(n, v), *a2 = copy(n, a), *b2 = copy(n, b);
        t->rmsprop(n, p1, g, v1, how & 2 ? a1 : NULL, how & 1 ? b1 : NULL, rate, rest, epsilon, momentum, decay);
        for (isize i = 0; i < n; i++) {
          const double slope = g[i] + (double)decay * p[i], steep = fabs(g[i]) + decay * fabs(p[i]);
          const double square = v[i] + rest * (slope * slope - v[i]), mean = a[i] + rest * (slope - a[i]);
          const double spread = how & 2 ? fmax(square - mean * mean, 0) : square, most = v[i] + steep * steep;
          /* the root of what is rounded: at worst the root of the rounding */
          const double low = 8 * UNIT * most, doubt = spread > low ? low / sqrt(spread) : 2 * sqrt(low);
          const double root = sqrt(spread) + epsilon, change = (how & 1 ? momentum * (double)b[i] : 0) + slope / root;
          const double size = fabs(change) + fabs(b[i]) + steep / root;
          const double error = 8 * UNIT * size + steep / (root * fmax(root - doubt, epsilon)) * doubt;
          const double nan = isnan(slope) ? NAN : 0; /* fmax loses it */
          expect(1, i, v1[i], square, 8 * UNIT * most);
          expect(2, i, a1[i], how & 2 ? mean : a[i], how & 2 ? 4 * UNIT * (fabs(a[i]) + steep) : 0);
          expect(3, i, b1[i], how & 1 ? change + nan : b[i], how & 1 ? error : 0);
          expect(0, i, p1[i], p[i] - rate * change + nan, 4 * UNIT * (fabs(p[i]) + rate * size) + rate * error);
        }
        t->rmsprop(cut, p2, g, v2, how & 2 ? a2 : NULL, how & 1 ? b2 : NULL, rate, rest, epsilon, momentum, decay);
        t->rmsprop(n - cut, p2 + cut, g + cut, v2 + cut, how & 2 ? a2 + cut : NULL, how & 1 ? b2 + cut : NULL, rate,
                   rest, epsilon, momentum, decay);
        expect_same(cut, n, p2, p1);
        expect_same(cut, n, v2, v1);
        expect_same(cut, n, a2, a1);
        expect_same(cut, n, b2, b1);
      }
}

void check_adagrad(const fastnn_table *t) {
  const float epsilon = 1e-10f;
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      const float rate = uniform(0, 1);
      const isize cut = n / 3;
      const float *p = random_floats(n), *v = squares(n);
      float *g = random_floats(n);
      g[n / 2] = n % 2 ? NAN : 0;
      float *p1 = copy(n, p), *v1 = copy(n, v), *p2 = copy(n, p), *v2 = copy(n, v);
      t->adagrad(n, p1, g, v1, rate, epsilon, 0);
      for (isize i = 0; i < n; i++) {
        const double square = v[i] + (double)g[i] * g[i], change = rate * (double)g[i] / (sqrt(square) + epsilon);
        expect(1, i, v1[i], square, 2 * UNIT * square);
        expect(0, i, p1[i], p[i] - change, 8 * UNIT * (fabs(p[i]) + fabs(change)));
      }
      t->adagrad(cut, p2, g, v2, rate, epsilon, 0);
      t->adagrad(n - cut, p2 + cut, g + cut, v2 + cut, rate, epsilon, 0);
      expect_same(cut, n, p2, p1);
      expect_same(cut, n, v2, v1);
      t->adagrad(n, p2, g, v2, 0, epsilon, 0.5f); /* decay reaches what is remembered, and a rate of 0 nothing else */
      expect_same(0, n, p2, p1);
      for (isize i = 0; i < n; i++) {
        const double slope = g[i] + 0.5 * p1[i], steep = fabs(g[i]) + fabs(p1[i]);
        expect(2, i, v2[i], v1[i] + slope * slope, 4 * UNIT * (v1[i] + steep * steep));
      }
    }
}

void check_adadelta(const fastnn_table *t) {
  const float rest = 0.125f, epsilon = 1e-6f;
  for (isize n = 1; n <= TAILS; n++)
    for (int decays = 0; decays < 2; decays++)
      for (places("n %td, decay %d", n, decays); next_place();) {
        const float rate = uniform(0, 1), decay = decays ? uniform(0, 1) : 0;
        const isize cut = n / 3;
        const float *p = random_floats(n), *v = squares(n), *u = squares(n);
        float *g = random_floats(n);
        g[n / 2] = n % 2 ? NAN : 0;
        float *p1 = copy(n, p), *v1 = copy(n, v), *u1 = copy(n, u);
        float *p2 = copy(n, p), *v2 = copy(n, v), *u2 = copy(n, u);
        t->adadelta(n, p1, g, v1, u1, rate, rest, epsilon, decay);
        for (isize i = 0; i < n; i++) {
          const double slope = g[i] + (double)decay * p[i], steep = fabs(g[i]) + decay * fabs(p[i]);
          const double square = v[i] + rest * (slope * slope - v[i]), most = v[i] + steep * steep;
          const double ratio = sqrt(((double)u[i] + epsilon) / (square + epsilon)), change = ratio * slope;
          const double error = ratio * (8 * UNIT * steep + fabs(slope) * 8 * UNIT * most / (square + epsilon));
          expect(1, i, v1[i], square, 8 * UNIT * most);
          expect(2, i, u1[i], u[i] + rest * (change * change - u[i]),
                 4 * UNIT * (u[i] + change * change) + 4 * fabs(change) * error);
          expect(0, i, p1[i], p[i] - rate * change, 4 * UNIT * (fabs(p[i]) + rate * fabs(change)) + rate * error);
        }
        t->adadelta(cut, p2, g, v2, u2, rate, rest, epsilon, decay);
        t->adadelta(n - cut, p2 + cut, g + cut, v2 + cut, u2 + cut, rate, rest, epsilon, decay);
        expect_same(cut, n, p2, p1);
        expect_same(cut, n, v2, v1);
        expect_same(cut, n, u2, u1);
      }
}

/* Every combination of signs, and sizes that are not initialized, or that meet their bounds. */
void check_rprop(const fastnn_table *t) {
  const float rate = 0.1f, shrink = 0.5f, grow = 1.25f, low = 0.01f, high = 1;
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      const isize cut = n / 3;
      const float *p = random_floats(n);
      float *g = random_floats(n), *b = random_floats(n), *s = floats(n);
      for (isize i = 0; i < n; i++) {
        const float sizes[] = {0, 0.25f, 0.015f, 0.9f};
        s[i] = sizes[random_bits() % 4];
        if (random_bits() % 4 == 0) g[i] = 0;
        if (random_bits() % 4 == 0 || s[i] == 0) b[i] = 0;
        if (random_bits() % 16 == 0) g[i] = NAN;
      }
      float *p1 = copy(n, p), *b1 = copy(n, b), *s1 = copy(n, s), *p2 = copy(n, p), *b2 = copy(n, b), *s2 = copy(n, s);
      t->rprop(n, p1, g, b1, s1, rate, shrink, grow, low, high);
      for (isize i = 0; i < n; i++) {
        const int same = ((g[i] > 0) - (g[i] < 0)) * ((b[i] > 0) - (b[i] < 0));
        const double factor = same > 0 ? grow : same < 0 ? shrink : 1, begun = s[i] ? s[i] : rate;
        const double step = fmin(fmax(begun * factor, low), high), used = same < 0 ? 0 : g[i];
        const double way = isnan(used) ? NAN : (used > 0) - (used < 0);
        expect(1, i, b1[i], used, 0);
        expect(2, i, s1[i], s[i] == 0 && g[i] == 0 ? 0 : step, UNIT * step);
        expect(0, i, p1[i], p[i] - step * way, 2 * UNIT * (fabs(p[i]) + step));
      }
      t->rprop(cut, p2, g, b2, s2, rate, shrink, grow, low, high);
      t->rprop(n - cut, p2 + cut, g + cut, b2 + cut, s2 + cut, rate, shrink, grow, low, high);
      expect_same(cut, n, p2, p1);
      expect_same(cut, n, b2, b1);
      expect_same(cut, n, s2, s1);
    }
}
