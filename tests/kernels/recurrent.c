/* Recurrent cells and their gradients, and the maximum over time. */
#include <math.h>

#include "check.h"

#define ROWS 3
#define ERROR (12 * UNIT) /* of what is about 1: a function's own error, of what it is given, and some roundings */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* Numbers from 0 to 1, as gates are; a few at the ends. */
static float *random_gates(isize n) {
  float *x = floats(n);
  for (isize i = 0; i < n; i++) x[i] = uniform(0, 1);
  x[n / 2] = 1, x[n - 1] = 0;
  return x;
}

void check_lstm(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int kept = 0; kept < 2; kept++)
      for (places("n %td, kept %d", n, kept); next_place();) {
        float *z = random_floats(ROWS * 4 * n), *c = random_floats(ROWS * n), *h = floats(ROWS * n);
        float *before = kept ? floats(ROWS * n) : NULL;
        if (n % 5 == 0) z[4 * n + n / 2] = NAN, z[n / 2] = 100, z[n] = -INFINITY, z[3 * n] = INFINITY;
        const float *sums = copy(ROWS * 4 * n, z), *state = copy(ROWS * n, c);
        t->lstm(ROWS, n, z, before, c, h);
        if (kept) expect_same(0, ROWS * n, before, state);
        for (isize r = 0; r < ROWS; r++)
          for (isize j = 0; j < n; j++) {
            const isize at = r * n + j, of = r * 4 * n + j;
            const double i = sigmoid(sums[of]), f = sigmoid(sums[of + n]), g = tanh(sums[of + 2 * n]);
            const double o = sigmoid(sums[of + 3 * n]), next = f * state[at] + i * g;
            const double error = ERROR * (1 + fabs((double)state[at]));
            expect(r, j, z[of], i, ERROR);
            expect(r, n + j, z[of + n], f, ERROR);
            expect(r, 2 * n + j, z[of + 2 * n], g, ERROR);
            expect(r, 3 * n + j, z[of + 3 * n], o, ERROR);
            expect(r, j, c[at], next, error);
            expect(r, j, h[at], o * tanh(next), error);
          }
      }
}

void check_lstm_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *z = random_gates(ROWS * 4 * n), *dc = random_floats(ROWS * n);
      const float *before = random_floats(ROWS * n), *dh = random_floats(ROWS * n);
      for (isize r = 0; r < ROWS; r++)
        for (isize j = 0; j < n; j++) z[r * 4 * n + 2 * n + j] = uniform(-1, 1);
      const float *gates = copy(ROWS * 4 * n, z), *later = copy(ROWS * n, dc);
      t->lstm_gradient(ROWS, n, before, dh, dc, z);
      for (isize r = 0; r < ROWS; r++)
        for (isize j = 0; j < n; j++) {
          const isize at = r * n + j, of = r * 4 * n + j;
          const double i = gates[of], f = gates[of + n], g = gates[of + 2 * n], o = gates[of + 3 * n];
          const double state = before[at], y = tanh(f * state + i * g), dy = dh[at];
          const double d = dy * o * (1 - y * y) + later[at], size = fabs(dy) + fabs(later[at]);
          const double error = ERROR * size * (1 + fabs(state));
          expect(r, j, z[of], d * g * i * (1 - i), error);
          expect(r, n + j, z[of + n], d * state * f * (1 - f), error * (1 + fabs(state)));
          expect(r, 2 * n + j, z[of + 2 * n], d * i * (1 - g * g), error);
          expect(r, 3 * n + j, z[of + 3 * n], dy * y * o * (1 - o), error);
          expect(r, j, dc[at], d * f, error);
        }
    }
}

void check_gru(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *z = random_floats(ROWS * 3 * n), *s = random_floats(ROWS * 3 * n), *h = random_floats(ROWS * n);
      if (n % 5 == 0) z[3 * n + n / 2] = NAN, z[n / 2] = 100, s[n] = -INFINITY, z[2 * n] = INFINITY;
      const float *sums = copy(ROWS * 3 * n, z), *same = copy(ROWS * 3 * n, s), *state = copy(ROWS * n, h);
      t->gru(ROWS, n, z, s, h);
      expect_same(0, ROWS * 3 * n, s, same);
      for (isize row = 0; row < ROWS; row++)
        for (isize j = 0; j < n; j++) {
          const isize at = row * n + j, of = row * 3 * n + j;
          const double r = sigmoid((double)sums[of] + s[of]), u = sigmoid((double)sums[of + n] + s[of + n]);
          const double next = tanh(sums[of + 2 * n] + r * s[of + 2 * n]);
          const double size = 1 + fabs((double)s[of + 2 * n]) + fabs((double)sums[of + 2 * n]);
          const double error = ERROR * size * (1 + fabs((double)state[at]));
          expect(row, j, z[of], r, ERROR);
          expect(row, n + j, z[of + n], u, ERROR);
          expect(row, 2 * n + j, z[of + 2 * n], next, isinf(size) ? ERROR : ERROR * size);
          expect(row, j, h[at], next + u * (state[at] - next), isinf(error) ? ERROR : error);
        }
    }
}

void check_gru_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *z = random_gates(ROWS * 3 * n), *s = random_floats(ROWS * 3 * n), *dh = random_floats(ROWS * n);
      const float *before = random_floats(ROWS * n);
      for (isize row = 0; row < ROWS; row++)
        for (isize j = 0; j < n; j++) z[row * 3 * n + 2 * n + j] = uniform(-1, 1);
      const float *gates = copy(ROWS * 3 * n, z), *sums = copy(ROWS * 3 * n, s), *given = copy(ROWS * n, dh);
      t->gru_gradient(ROWS, n, before, dh, z, s);
      for (isize row = 0; row < ROWS; row++)
        for (isize j = 0; j < n; j++) {
          const isize at = row * n + j, of = row * 3 * n + j;
          const double r = gates[of], u = gates[of + n], next = gates[of + 2 * n], sn = sums[of + 2 * n];
          const double dy = given[at], dn = dy * (1 - u) * (1 - next * next);
          const double error = ERROR * fabs(dy) * (1 + fabs(sn) + fabs((double)before[at]));
          expect(row, j, z[of], dn * sn * r * (1 - r), error);
          expect(row, n + j, z[of + n], dy * (before[at] - next) * u * (1 - u), error);
          expect(row, 2 * n + j, z[of + 2 * n], dn, error);
          expect_same(of, 1, s + of, z + of);
          expect_same(of + n, 1, s + of + n, z + of + n);
          expect(row, 2 * n + j, s[of + 2 * n], dn * r, error);
          expect(row, j, dh[at], dy * u, error);
        }
    }
}

#define STEPS 4

void check_latest_maximum(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = random_floats(STEPS * n), *best = floats(n);
      int32_t *place = items(n, 4);
      x[n / 2] = -INFINITY, x[2 * n + n / 2] = INFINITY;
      x[n + n / 3] = x[3 * n + n / 3] = 9; /* the first of equals */
      x[n] = x[3 * n] = NAN;               /* and of NaN */
      x[n - 1] = n > 1 ? NAN : x[n - 1];
      for (isize step = 0; step < STEPS; step++) {
        t->latest_maximum(n, step, x + step * n, best, place);
        for (isize j = 0; j < n; j++) {
          isize wanted = 0;
          for (isize i = 1; i <= step; i++)
            if (!isnan(x[wanted * n + j]) && (isnan(x[i * n + j]) || x[i * n + j] > x[wanted * n + j])) wanted = i;
          expect(step, j, place[j], (double)wanted, 0);
          expect_same(j, 1, best + j, x + wanted * n + j);
        }
      }
    }
}
