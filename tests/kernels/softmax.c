/* Row softmax and its logarithm, their gradients, and softmax with cross-entropy. */
#include <math.h>
#include <string.h>

#include "check.h"

#define ROWS 3
#define MANY 30000 /* rows: too many for a sum in float, whose errors a sum in double evens out */
/* Of a result, relative to it: a few units for exp, and one rounding for each of up to TAILS terms of its sum. */
#define TOLERANCE 4e-6

static double log_of_sum(isize n, const float *x) {
  double greatest = -INFINITY, sum = 0;
  for (isize j = 0; j < n; j++) greatest = fmax(greatest, x[j]);
  for (isize j = 0; j < n; j++) sum += exp(x[j] - greatest);
  return greatest + log(sum);
}

static double softmax_of(isize n, const float *x, isize j) { return exp(x[j] - log_of_sum(n, x)); }

static int has_nan(isize n, const float *x) {
  for (isize j = 0; j < n; j++)
    if (isnan(x[j])) return 1;
  return 0;
}

/* The last row may have a NaN, or an output of -inf beside a finite one: what is wrong with a row stays there. */
static void spoil(isize rows, isize n, float *x, int how) {
  float *last = x + (rows - 1) * n;
  if (how == 1) last[n / 2] = NAN;
  if (how == 2 && n > 1) last[n / 2] = -INFINITY;
}

void check_softmax(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int how = 0; how < 3; how++)
      for (places("n %td, special %d", n, how); next_place();) {
        float *x = random_floats(ROWS * n), *y = floats(ROWS * n), *alone = floats(n);
        for (isize i = 0; i < ROWS * n; i++)
          x[i] += 1000 * (float)(i / n - 1); /* too much for exp without the maximum */
        spoil(ROWS, n, x, how);
        t->softmax(ROWS, n, x, y);
        for (isize i = 0; i < ROWS; i++) {
          const float *row = x + i * n;
          for (isize j = 0; j < n; j++) {
            const double expected = has_nan(n, row) ? NAN : softmax_of(n, row, j);
            expect(i, j, y[i * n + j], expected, TOLERANCE * expected);
          }
          t->softmax(1, n, row, alone);
          expect_same(i, n, alone, y + i * n);
        }
        t->softmax(ROWS, n, x, x);
        expect_same(0, ROWS * n, x, y);
      }
}

void check_softmax_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *y = floats(ROWS * n), *dy = random_floats(ROWS * n), *dx = floats(ROWS * n), *alone = floats(n);
      for (isize i = 0; i < ROWS * n; i++) y[i] = uniform(0, 1);
      dy[(ROWS - 1) * n + n / 2] = NAN;
      t->softmax_gradient(ROWS, n, y, dy, dx);
      for (isize i = 0; i < ROWS; i++) {
        const float *yi = y + i * n, *dyi = dy + i * n;
        double dot = 0, size = 0;
        for (isize j = 0; j < n; j++) dot += yi[j] * (double)dyi[j], size += fabs(yi[j] * (double)dyi[j]);
        for (isize j = 0; j < n; j++)
          expect(i, j, dx[i * n + j], yi[j] * (dyi[j] - dot), TOLERANCE * yi[j] * (fabs(dyi[j]) + size));
        t->softmax_gradient(1, n, yi, dyi, alone);
        expect_same(i, n, alone, dx + i * n);
      }
      t->softmax_gradient(ROWS, n, y, dy, dy);
      expect_same(0, ROWS * n, dy, dx);
    }
}

void check_log_softmax(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int how = 0; how < 3; how++)
      for (places("n %td, special %d", n, how); next_place();) {
        float *x = random_floats(ROWS * n), *y = floats(ROWS * n), *alone = floats(n);
        for (isize i = 0; i < ROWS * n; i++) x[i] += 1000 * (float)(i / n - 1);
        spoil(ROWS, n, x, how);
        t->log_softmax(ROWS, n, x, y);
        for (isize i = 0; i < ROWS; i++) {
          const float *row = x + i * n;
          for (isize j = 0; j < n; j++) {
            const double expected = has_nan(n, row) ? NAN : row[j] - log_of_sum(n, row);
            expect(i, j, y[i * n + j], expected, TOLERANCE * (1 + fabs(expected)));
          }
          t->log_softmax(1, n, row, alone);
          expect_same(i, n, alone, y + i * n);
        }
        t->log_softmax(ROWS, n, x, x);
        expect_same(0, ROWS * n, x, y);
      }
}

void check_log_softmax_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *y = floats(ROWS * n), *dy = random_floats(ROWS * n), *dx = floats(ROWS * n), *alone = floats(n);
      for (isize i = 0; i < ROWS * n; i++) y[i] = i % 7 ? uniform(-20, 0) : -INFINITY;
      dy[(ROWS - 1) * n + n / 2] = NAN;
      t->log_softmax_gradient(ROWS, n, y, dy, dx);
      for (isize i = 0; i < ROWS; i++) {
        const float *yi = y + i * n, *dyi = dy + i * n;
        double sum = 0, size = 0;
        for (isize j = 0; j < n; j++) sum += dyi[j], size += fabs(dyi[j]);
        for (isize j = 0; j < n; j++)
          expect(i, j, dx[i * n + j], dyi[j] - exp(yi[j]) * sum, TOLERANCE * (fabs(dyi[j]) + exp(yi[j]) * size));
        t->log_softmax_gradient(1, n, yi, dyi, alone);
        expect_same(i, n, alone, dx + i * n);
      }
      t->log_softmax_gradient(ROWS, n, y, dy, dy);
      expect_same(0, ROWS * n, dy, dx);
    }
}

/* Rows that sum to 1; nothing where an output is -inf, or this is all that the loss can be. */
static void draw_target(isize n, const float *x, float *target) {
  double sum = 0;
  for (isize j = 0; j < n; j++) sum += target[j] = isinf(x[j]) ? 0 : uniform(0.1, 1);
  for (isize j = 0; j < n; j++) target[j] = (float)(target[j] / sum);
}

typedef struct {
  double value, size; /* what may be off is relative to the size */
} loss;

/* Of one row, whose label or target may be NULL; its gradient is looked at on the way. */
static loss row_loss(isize i, isize n, const float *x, const int32_t *label, const float *target, float scale,
                     const float *dx) {
  const double log_sum = has_nan(n, x) ? NAN : log_of_sum(n, x);
  loss sum = {0 * log_sum, 1};
  for (isize j = 0; j < n; j++) {
    const double share = label ? j == *label : target[j], p = exp(x[j] - log_sum);
    if (share > 0) sum.value += share * (log_sum - x[j]);
    if (share > 0) sum.size += share * (fabs(log_sum) + fabs(x[j]));
    expect(i, j, dx[j], scale * (p - share), TOLERANCE * scale * (p + share));
  }
  return sum;
}

static void check_rows(const fastnn_table *t, isize rows, isize n, int labelled, int how) {
  for (places("rows %td, n %td, labels %d, special %d", rows, n, labelled, how); next_place();) {
    const float scale = uniform(0.01, 2);
    float *x = random_floats(rows * n), *dx = floats(rows * n), *alone = floats(n);
    int32_t *label = labelled ? items(rows, 4) : NULL;
    float *target = labelled ? NULL : floats(rows * n);
    spoil(rows, n, x, how);
    for (isize i = 0; i < rows; i++) {
      if (label) label[i] = (int32_t)(n / 2 ? (n / 2 + 1 + i % (n - 1)) % n : i % n); /* not where -inf is */
      if (target) draw_target(n, x + i * n, target + i * n);
    }
    const double sum = returned(t->cross_entropy(rows, n, x, label, target, scale, dx));
    loss expected = {0, 0};
    for (isize i = 0; i < rows; i++) {
      const int32_t *label_i = label ? label + i : NULL;
      const float *target_i = target ? target + i * n : NULL;
      const loss one = row_loss(i, n, x + i * n, label_i, target_i, scale, dx + i * n);
      expected.value += one.value;
      expected.size += one.size;
      t->cross_entropy(1, n, x + i * n, label_i, target_i, scale, alone);
      expect_same(i, n, alone, dx + i * n);
    }
    expect(-1, -1, sum, expected.value, (rows == MANY ? 2 * UNIT : TOLERANCE) * expected.size);
  }
}

void check_cross_entropy(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int kind = 0; kind < 6; kind++) {
      check_rows(t, ROWS, n, kind % 2, kind / 2);
      check_rows(t, n, 1 + 31 * n % TAILS, kind % 2, kind / 2); /* rows may be taken several at a time */
    }
  check_rows(t, MANY, 2, 1, 0);
}
