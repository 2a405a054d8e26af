/* Softmax with cross-entropy, and what its targets become. */
#include <math.h>
#include <string.h>

#include "check.h"

#define ROWS 3
#define MANY 30000 /* rows: too many for a sum in float, whose errors a sum in double evens out */
/* Of a result, relative to it: a few units for exp, and one rounding for each of up to TAILS terms of its sum. */
#define TOLERANCE 4e-6

/* Rows that sum to 1; nothing where an output is -inf, or this is all that the loss can be. */
static void draw_target(isize n, const float *x, float *target) {
  double sum = 0;
  for (isize j = 0; j < n; j++) sum += target[j] = isinf(x[j]) ? 0 : uniform(0.1, 1);
  for (isize j = 0; j < n; j++) target[j] = (float)(target[j] / sum);
}

typedef struct {
  double value, size; /* what may be off is relative to the size */
} loss;

/* Of one row, whose label or target may be NULL; its gradient is checked on the way. */
static loss row_loss(isize i, isize n, const float *x, const int32_t *label, const float *target, double scale,
                     const float *dx) {
  double high = -INFINITY, total = 0; /* relative to the greatest, which keeps the digits of large logits */
  for (isize j = 0; j < n; j++) high = fmax(high, x[j]);
  for (isize j = 0; j < n; j++) total += exp(x[j] - high);
  const double log_sum = has_nan(n, x) ? NAN : log(total);
  loss sum = {0 * log_sum, 1};
  for (isize j = 0; j < n; j++) {
    const double share = label ? j == *label : target[j], each = x[j] - high, p = exp(each - log_sum);
    if (share > 0) sum.value += share * (log_sum - each);
    if (share > 0) sum.size += share * (fabs(log_sum) + fabs(each));
    expect(i, j, dx[j], scale * (p - share), TOLERANCE * scale * (p + share));
  }
  return sum;
}

/* shift: is added to all logits. weighted: every third row has weight 0, which hides a NaN and an invalid label. */
static void check_rows(const fastnn_table *t, isize rows, isize n, int labelled, int how, float shift, int weighted) {
  for (places("rows %td, n %td, labels %d, special %d, shift %g, weights %d", rows, n, labelled, how, (double)shift,
              weighted);
       next_place();) {
    const float scale = uniform(0.01, 2);
    float *x = random_floats(rows * n), *dx = floats(rows * n), *alone = floats(n);
    float *weight = weighted ? floats(rows) : NULL, *target = labelled ? NULL : floats(rows * n);
    int32_t *label = labelled ? items(rows, 4) : NULL;
    spoil(rows, n, x, how);
    for (isize i = 0; i < rows * n; i++) x[i] += shift;
    for (isize i = 0; i < rows; i++) {
      if (label) label[i] = (int32_t)(n / 2 ? (n / 2 + 1 + i % (n - 1)) % n : i % n); /* not where -inf is */
      if (target) draw_target(n, x + i * n, target + i * n);
      if (weight) weight[i] = i % 3 == 1 ? 0 : uniform(0.1, 3);
      if (weight && i % 3 == 1) x[i * n] = NAN;
      if (weight && i % 3 == 1 && label) label[i] = -1;
    }
    const double sum = returned(t->cross_entropy(rows, n, x, label, target, weight, scale, dx));
    loss expected = {0, 0};
    for (isize i = 0; i < rows; i++) {
      const int32_t *label_i = label ? label + i : NULL;
      const float *target_i = target ? target + i * n : NULL, *weight_i = weight ? weight + i : NULL;
      const double w = weight ? weight[i] : 1;
      t->cross_entropy(1, n, x + i * n, label_i, target_i, weight_i, scale, alone);
      expect_same(i, n, alone, dx + i * n);
      if (w == 0) {
        for (isize j = 0; j < n; j++) expect(i, j, dx[i * n + j], 0, 0);
        continue;
      }
      const loss one = row_loss(i, n, x + i * n, label_i, target_i, w * scale, dx + i * n);
      expected.value += w * one.value;
      expected.size += w * one.size;
    }
    expect(-1, -1, sum, expected.value, (rows == MANY ? 2 * UNIT : TOLERANCE) * expected.size);
  }
}

void check_cross_entropy(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int kind = 0; kind < 8; kind++) {
      const int labelled = kind % 2, how = kind < 6 ? kind / 2 : 0, weighted = kind >= 6;
      check_rows(t, ROWS, n, labelled, how, 0, weighted);
      check_rows(t, ROWS, n, labelled, how, 1e20f, weighted);
      check_rows(t, n, 1 + 31 * n % TAILS, labelled, how, 0, weighted); /* rows may be taken several at a time */
    }
  check_rows(t, MANY, 2, 1, 0, 0, 0);
}

void check_negative_entropy(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int weighted = 0; weighted < 2; weighted++)
      for (places("n %td, weights %d", n, weighted); next_place();) {
        float *target = floats(ROWS * n), *weight = weighted ? floats(ROWS) : NULL;
        double expected = 0, size = 0;
        for (isize i = 0; i < ROWS; i++) {
          if (weight) weight[i] = i == 1 ? 0 : uniform(0.1, 3);
          for (isize j = 0; j < n; j++) {
            const float t_j = target[i * n + j] = j % 4 == 3 ? 0 : uniform(0, 1);
            const double each = t_j > 0 ? (weight ? weight[i] : 1) * t_j * log(t_j) : 0;
            expected += each, size += fabs(each);
          }
          if (weight && i == 1) target[i * n] = NAN;
        }
        expect(-1, -1, returned(t->negative_entropy(ROWS, n, target, weight)), expected, TOLERANCE * size);
      }
}

void check_soften(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int kind = 0; kind < 8; kind++)
      for (places("n %td, kind %d", n, kind); next_place();) {
        const int labelled = kind & 1;
        const float smoothing = kind & 2 ? 0.1f : 0;
        float *y = floats(ROWS * n), *mass = floats(ROWS), *count = floats(ROWS);
        float *target = labelled ? NULL : floats(ROWS * n), *class_weight = kind & 4 ? floats(n) : NULL;
        int32_t *label = labelled ? items(ROWS, 4) : NULL;
        for (isize i = 0; i < ROWS && label; i++) label[i] = (int32_t)(i * (n - 1) / 2);
        for (isize i = 0; i < ROWS * n && target; i++) target[i] = uniform(0, 1);
        for (isize j = 0; j < n && class_weight; j++) class_weight[j] = j ? uniform(0, 3) : 0;
        t->soften(ROWS, n, label, target, class_weight, smoothing, y, mass, count);
        for (isize i = 0; i < ROWS; i++) {
          double total = 0, counted = 0;
          for (int pass = 0; pass < 2; pass++)
            for (isize j = 0; j < n; j++) {
              const double share = label ? j == label[i] : target[i * n + j], c = class_weight ? class_weight[j] : 1;
              const double q = c * ((1 - (double)smoothing) * share + (double)smoothing / (double)n);
              if (!pass) total += q, counted += c * share;
              if (pass) expect(i, j, y[i * n + j], total > 0 ? q / total : 0, total > 0 ? TOLERANCE * q / total : 0);
            }
          expect(i, -1, mass[i], total, TOLERANCE * total);
          expect(i, -2, count[i], counted, TOLERANCE * counted);
        }
      }
}
