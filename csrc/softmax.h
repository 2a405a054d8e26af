/* Row softmax and its logarithm, and their gradients. A row with a NaN is NaN. */
#ifndef FASTNN_SOFTMAX_H
#define FASTNN_SOFTMAX_H

#include "elementary.h"

/* y = exp(x - max x), unless y is NULL; returns the maximum of x and the sum of these exponentials. */
INLINE float exponentials(isize n, const float *x, float *y, float *maximum) {
  const float lowest = -__builtin_inff();
  vf high = broadcast(lowest);
  for (isize j = 0; j < n; j += VL) {
    vf v = load_up_to(x + j, n - j);
    high = greatest(high, n - j < VL ? choose(lanes_below(n - j), v, broadcast(lowest)) : v);
  }
  *maximum = greatest_lane(high);
  vf sum = {0};
  for (isize j = 0; j < n; j += VL) {
    vf e = exp_vector(load_up_to(x + j, n - j) - *maximum);
    if (y) store_up_to(y + j, e, n - j);
    sum += n - j < VL ? choose(lanes_below(n - j), e, (vf){0}) : e;
  }
  return sum_lanes(sum);
}

/* y = exp(x - max x) / sum over each row; y may be x. */
static void kernel_softmax(isize rows, isize n, const float *x, float *y) {
  for (; rows > 0; rows--, x += n, y += n) {
    float maximum;
    const float sum = exponentials(n, x, y, &maximum);
    for (isize j = 0; j < n; j += VL) store_up_to(y + j, load_up_to(y + j, n - j) / sum, n - j);
  }
}

/* dx = y (dy - sum of y dy over the row); dx may be dy. */
static void kernel_softmax_gradient(isize rows, isize n, const float *y, const float *dy, float *dx) {
  for (; rows > 0; rows--, y += n, dy += n, dx += n) {
    vf sum = {0};
    for (isize j = 0; j < n; j += VL) sum += load_up_to(y + j, n - j) * load_up_to(dy + j, n - j);
    const float dot = sum_lanes(sum);
    for (isize j = 0; j < n; j += VL)
      store_up_to(dx + j, load_up_to(y + j, n - j) * (load_up_to(dy + j, n - j) - dot), n - j);
  }
}

/* y = x - log(sum of exp(x)) over each row; y may be x. */
static void kernel_log_softmax(isize rows, isize n, const float *x, float *y) {
  for (; rows > 0; rows--, x += n, y += n) {
    float maximum, log_sum[VL];
    const float sum = exponentials(n, x, NULL, &maximum);
    store(log_sum, log_vector(broadcast(sum)));
    for (isize j = 0; j < n; j += VL) store_up_to(y + j, (load_up_to(x + j, n - j) - maximum) - log_sum[0], n - j);
  }
}

/* dx = dy - exp(y) (sum of dy over the row); dx may be dy. */
static void kernel_log_softmax_gradient(isize rows, isize n, const float *y, const float *dy, float *dx) {
  for (; rows > 0; rows--, y += n, dy += n, dx += n) {
    vf sum = {0};
    for (isize j = 0; j < n; j += VL) sum += load_up_to(dy + j, n - j);
    const float total = sum_lanes(sum);
    for (isize j = 0; j < n; j += VL)
      store_up_to(dx + j, load_up_to(dy + j, n - j) - exp_vector(load_up_to(y + j, n - j)) * total, n - j);
  }
}

#endif
