/* Elementwise losses: the sum over n elements in double, and dx, the gradient times scale; and what a metric counts. */
#ifndef FASTNN_LOSS_H
#define FASTNN_LOSS_H

#include "elementary.h"

/* log(1 + e) for 0 <= e <= 1, with all digits of a small e: what rounding 1 + e lost is put back by the factor.
 * Goldberg 1991, theorem 4. */
INLINE vf log_of_one_plus(vf e) {
  const vf u = 1.0f + e;
  return choose(u == 1.0f, e, log_vector(u) * (e / (u - 1.0f)));
}

/* x: logits; max(x, 0) - x t + log(1 + exp(-|x|)), gradient sigmoid(x) - t. */
static double kernel_binary_cross_entropy(isize n, const float *x, const float *target, float scale, float *dx) {
  vd loss = {0};
  for (isize i = 0; i < n; i += VL) {
    vf v = load_up_to(x + i, n - i), t = load_up_to(target + i, n - i);
    vf each = (vf)((vi)v & ~(v < 0.0f)) - v * t + log_of_one_plus(exp_vector(-absolute(v)));
    loss += widen(n - i < VL ? choose(lanes_below(n - i), each, (vf){0}) : each);
    store_up_to(dx + i, (sigmoid_vector(v) - t) * scale, n - i);
  }
  return sum_lanes_double(loss);
}

/* (x - t)^2, gradient 2 (x - t). */
static double kernel_mse(isize n, const float *x, const float *target, float scale, float *dx) {
  vd loss = {0};
  for (isize i = 0; i < n; i += VL) {
    vf d = load_up_to(x + i, n - i) - load_up_to(target + i, n - i);
    loss += widen(d * d);
    store_up_to(dx + i, d * (2.0f * scale), n - i);
  }
  return sum_lanes_double(loss);
}

static double kernel_absolute_error(isize n, const float *x, const float *target) {
  vd sum = {0};
  for (isize i = 0; i < n; i += VL) sum += widen(absolute(load_up_to(x + i, n - i) - load_up_to(target + i, n - i)));
  return sum_lanes_double(sum);
}

/* y: the column of the first greatest element of each row; NaN counts as the greatest. */
static void kernel_argmax(isize rows, isize n, const float *x, int32_t *y) {
  for (isize i = 0; i < rows; i++, x += n) {
    isize best = 0;
    for (isize j = 1; j < n; j++)
      if (x[j] > x[best] || (x[j] != x[j] && x[best] == x[best])) best = j;
    y[i] = (int32_t)best;
  }
}

#endif
