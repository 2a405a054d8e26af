/* Row softmax, its gradient, and softmax with cross-entropy and its gradient in one pass. A row with a NaN is NaN. */
#ifndef FASTNN_SOFTMAX_H
#define FASTNN_SOFTMAX_H

#include "elementary.h"

/* A row of up to VL: exp(x - max x), zeros after it. */
INLINE vf exponential(isize n, const float *x, float *maximum) {
  const vf v = load_up_to(x, n);
  const vi below = lanes_below(n);
  *maximum = greatest_lane(choose(below, v, broadcast(-__builtin_inff())));
  return choose(below, exp_vector(v - *maximum), (vf){0});
}

/* y = exp(x - max x); the maximum and the sum of y are returned. */
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
    store_up_to(y + j, e, n - j);
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

/* The sum over rows of -sum_j t_j log softmax(x)_j, in nats, and dx = scale (softmax(x) - t).
 * x, dx: (rows, n); t is the row's label, or its row of target (rows, n), which sums to 1.
 * VL rows at a time, for one vector of logarithms; short rows stay in registers between. */
static double kernel_cross_entropy(isize rows, isize n, const float *x, const int32_t *label, const float *target,
                                   float scale, float *dx) {
  const int is_short = n <= VL;
  double loss = 0;
  for (isize i = 0; i < rows; i += VL) {
    const isize end = rows - i < VL ? rows : i + VL;
    vf row[VL];
    float maximum[VL], sum[VL], log_sum[VL], share[VL];
    store(sum, broadcast(1.0f));
    for (isize r = i; r < end; r++)
      if (is_short) {
        row[r - i] = exponential(n, x + r * n, &maximum[r - i]);
        sum[r - i] = sum_lanes(row[r - i]);
      } else {
        sum[r - i] = exponentials(n, x + r * n, dx + r * n, &maximum[r - i]);
      }
    store(log_sum, log_vector(load(sum)));
    store(share, scale / load(sum));
    for (isize r = i; r < end; r++) {
      const float *xr = x + r * n, *t = label ? NULL : target + r * n;
      float *dr = dx + r * n;
      vf dot = {0}, weight = {0};
      for (isize j = 0; j < n; j += VL) {
        const vf e = is_short ? row[r - i] : load_up_to(dr + j, n - j);
        if (label) {
          store_up_to(dr + j, e * share[r - i] - choose(lane_at(label[r] - j), broadcast(scale), (vf){0}), n - j);
          continue;
        }
        const vf tj = load_up_to(t + j, n - j);
        weight += tj;
        /* 0 log 0 = 0: an output of -inf with no target costs nothing. */
        dot += choose(tj == 0.0f, tj, tj * (load_up_to(xr + j, n - j) - maximum[r - i]));
        store_up_to(dr + j, e * share[r - i] - tj * scale, n - j);
      }
      if (label)
        loss += (double)log_sum[r - i] + maximum[r - i] - xr[label[r]];
      else
        loss += (double)log_sum[r - i] * sum_lanes(weight) - sum_lanes(dot);
    }
  }
  return loss;
}

#endif
