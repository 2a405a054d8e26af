/* Row softmax and its logarithm, and their gradients. A row with a NaN is NaN. */
#ifndef FASTNN_SOFTMAX_H
#define FASTNN_SOFTMAX_H

#include "elementary.h"

/* Up to this number of classes, each class has a vector, with one row per lane. */
#define FEW_CLASSES 16

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

/* y (n, VL) = x transposed, x (rows, n); zeros in the lanes without a row. */
INLINE void rows_to_lanes(isize rows, isize n, const float *x, float *y) {
  for (isize j = 0; j < n && rows < VL; j++) store(y + j * VL, (vf){0});
  transpose(n, rows, x, n, y, VL);
}

/* kernel_softmax for VL rows of up to FEW_CLASSES. The classes are added in the order in which `exponentials` adds the
 * lanes of a row, so that a row's bits do not depend on the number of rows. */
INLINE void softmax_in_lanes(isize n, const float *x, float *y) {
  float e[FEW_CLASSES * VL];
  vf most = broadcast(-__builtin_inff()), sum[VL];
  rows_to_lanes(VL, n, x, e);
  for (isize j = 0; j < n; j++) most = greatest(most, load(e + j * VL));
  for (isize l = 0; l < VL; l++) sum[l] = (vf){0};
  for (isize j = 0; j < n; j++) {
    const vf each = exp_vector(load(e + j * VL) - most);
    store(e + j * VL, each);
    sum[j % VL] += each;
  }
  for (isize half = VL / 2; half; half /= 2)
    for (isize l = 0; l < half; l++) sum[l] += sum[l + half];
  for (isize j = 0; j < n; j++) store(e + j * VL, load(e + j * VL) / sum[0]);
  transpose(VL, n, e, VL, y, n);
}

/* y = exp(x - max x) / sum over each row; y may be x. */
static void kernel_softmax(isize rows, isize n, const float *x, float *y) {
  if (n <= FEW_CLASSES)
    for (; rows >= VL; rows -= VL, x += VL * n, y += VL * n) softmax_in_lanes(n, x, y);
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
