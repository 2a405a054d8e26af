/* Row softmax and its logarithm, their gradients, and softmax with cross-entropy and its gradient in one pass. A row
 * with a NaN is NaN. */
#ifndef FASTNN_SOFTMAX_H
#define FASTNN_SOFTMAX_H

#include "elementary.h"

/* y = exp(x - max x), unless y is NULL; the maximum and the sum of these are returned. */
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

/* Up to so many classes stand in a vector each, with a row in every lane. */
#define FEW_CLASSES 16

/* y (n, VL) = x transposed, x (rows, n); zeros in the lanes of no row. */
INLINE void rows_to_lanes(isize rows, isize n, const float *x, float *y) {
  for (isize j = 0; j < n; j++) store(y + j * VL, (vf){0});
  for (isize i = 0; i < rows; i++)
    for (isize j = 0; j < n; j++) y[j * VL + i] = x[i * n + j];
}

/* kernel_cross_entropy for up to VL rows of up to FEW_CLASSES. */
INLINE double few_classes(isize rows, isize n, const float *x, const int32_t *label, const float *target, float scale,
                          float *dx) {
  float v[FEW_CLASSES * VL], e[FEW_CLASSES * VL], t[FEW_CLASSES * VL], high[VL], log_sum[VL], dot[VL], weight[VL];
  double loss = 0;
  rows_to_lanes(rows, n, x, v);
  vf most = broadcast(-__builtin_inff()), sum = {0}, dots = {0}, weights = {0};
  for (isize j = 0; j < n; j++) most = greatest(most, load(v + j * VL));
  for (isize j = 0; j < n; j++) {
    const vf each = exp_vector(load(v + j * VL) - most);
    store(e + j * VL, each);
    sum += each;
  }
  const vf share = scale / sum;
  if (label) {
    int32_t lane_label[VL] = {0};
    memcpy(lane_label, label, (size_t)rows * sizeof *label);
    vi labels;
    memcpy(&labels, lane_label, sizeof labels);
    for (isize j = 0; j < n; j++)
      store(e + j * VL, load(e + j * VL) * share - choose(labels == (int32_t)j, broadcast(scale), (vf){0}));
  } else {
    rows_to_lanes(rows, n, target, t);
    for (isize j = 0; j < n; j++) {
      const vf tj = load(t + j * VL);
      weights += tj;
      dots += choose(tj == 0.0f, tj, tj * (load(v + j * VL) - most));
      store(e + j * VL, load(e + j * VL) * share - tj * scale);
    }
  }
  store(high, most);
  store(log_sum, log_vector(sum));
  store(dot, dots);
  store(weight, weights);
  for (isize i = 0; i < rows; i++) {
    loss += label ? (double)log_sum[i] + high[i] - v[label[i] * VL + i] : (double)log_sum[i] * weight[i] - dot[i];
    for (isize j = 0; j < n; j++) dx[i * n + j] = e[j * VL + i];
  }
  return loss;
}

/* The sum over rows of -sum_j t_j log softmax(x)_j, in nats, and dx = scale (softmax(x) - t).
 * x, dx: (rows, n); t is the row's label, or its row of target (rows, n), which sums to 1. VL rows at a time, for one
 * vector of logarithms. 0 log 0 = 0: an output of -inf with no target costs nothing. */
static double kernel_cross_entropy(isize rows, isize n, const float *x, const int32_t *label, const float *target,
                                   float scale, float *dx) {
  double loss = 0;
  for (isize i = 0; i < rows; i += VL) {
    const isize end = rows - i < VL ? rows : i + VL;
    if (n <= FEW_CLASSES) {
      loss += few_classes(end - i, n, x + i * n, label ? label + i : NULL, label ? NULL : target + i * n, scale,
                          dx + i * n);
      continue;
    }
    float maximum[VL], sum[VL], log_sum[VL];
    store(sum, broadcast(1.0f));
    for (isize r = i; r < end; r++) sum[r - i] = exponentials(n, x + r * n, dx + r * n, &maximum[r - i]);
    store(log_sum, log_vector(load(sum)));
    for (isize r = i; r < end; r++) {
      const float *xr = x + r * n, *t = label ? NULL : target + r * n;
      const float share = scale / sum[r - i];
      float *dr = dx + r * n;
      if (label) {
        for (isize j = 0; j < n; j += VL) store_up_to(dr + j, load_up_to(dr + j, n - j) * share, n - j);
        dr[label[r]] -= scale;
        loss += (double)log_sum[r - i] + maximum[r - i] - xr[label[r]];
        continue;
      }
      vf dot = {0}, weight = {0};
      for (isize j = 0; j < n; j += VL) {
        const vf tj = load_up_to(t + j, n - j), xj = load_up_to(xr + j, n - j), e = load_up_to(dr + j, n - j);
        weight += tj;
        dot += choose(tj == 0.0f, tj, tj * (xj - maximum[r - i]));
        store_up_to(dr + j, e * share - tj * scale, n - j);
      }
      loss += (double)log_sum[r - i] * sum_lanes(weight) - sum_lanes(dot);
    }
  }
  return loss;
}

#endif
