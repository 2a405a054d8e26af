/* Softmax with cross-entropy and its gradient in one pass, and preparing its targets. A row with a NaN is NaN. */
#ifndef FASTNN_CROSS_ENTROPY_H
#define FASTNN_CROSS_ENTROPY_H

#include "softmax.h"

/* Whether row i is ignored: then its gradient is zero. */
INLINE int skipped(const float *weight, isize i, isize n, float *dx) {
  if (!weight || weight[i] != 0.0f) return 0;
  memset(dx + i * n, 0, (size_t)n * sizeof *dx);
  return 1;
}

/* -log softmax(x)_t, with log_sum the logarithm of the sum of exp(x - maximum). The difference comes first: added to
 * a large x, log_sum would be lost to rounding. */
INLINE double label_loss(float log_sum, float x_t, float maximum) {
  return (double)log_sum - ((double)x_t - (double)maximum);
}

/* kernel_cross_entropy for up to VL rows of up to FEW_CLASSES. */
INLINE double few_classes(isize rows, isize n, const float *x, const int32_t *label, const float *target,
                          const float *weight, float scale, float *dx) {
  float v[FEW_CLASSES * VL], e[FEW_CLASSES * VL], t[FEW_CLASSES * VL], high[VL], log_sum[VL], dot[VL], total[VL];
  const vf scales = weight ? load_up_to(weight, rows) * scale : broadcast(scale);
  double loss = 0;
  rows_to_lanes(rows, n, x, v);
  vf most = broadcast(-__builtin_inff()), sum = {0}, dots = {0}, totals = {0};
  for (isize j = 0; j < n; j++) most = greatest(most, load(v + j * VL));
  for (isize j = 0; j < n; j++) {
    const vf each = exp_vector(load(v + j * VL) - most);
    store(e + j * VL, each);
    sum += each;
  }
  const vf share = scales / sum;
  if (label) {
    int32_t lane_label[VL] = {0};
    memcpy(lane_label, label, (size_t)rows * sizeof *label);
    vi labels;
    memcpy(&labels, lane_label, sizeof labels);
    for (isize j = 0; j < n; j++)
      store(e + j * VL, load(e + j * VL) * share - choose(labels == (int32_t)j, scales, (vf){0}));
  } else {
    rows_to_lanes(rows, n, target, t);
    for (isize j = 0; j < n; j++) {
      const vf tj = load(t + j * VL);
      totals += tj;
      dots += choose(tj == 0.0f, tj, tj * (load(v + j * VL) - most));
      store(e + j * VL, load(e + j * VL) * share - tj * scales);
    }
  }
  store(high, most);
  store(log_sum, log_vector(sum));
  store(dot, dots);
  store(total, totals);
  transpose(rows, n, e, VL, dx, n);
  for (isize i = 0; i < rows; i++) {
    if (skipped(weight, i, n, dx)) continue;
    const double each =
        label ? label_loss(log_sum[i], v[label[i] * VL + i], high[i]) : (double)log_sum[i] * total[i] - dot[i];
    loss += weight ? each * weight[i] : each;
  }
  return loss;
}

/* The sum over rows of -weight sum_j t_j log softmax(x)_j, in nats, and dx = weight scale (softmax(x) - t).
 * x, dx: (rows, n); t is the row's label, or its row of target (rows, n), which sums to 1; weight: (rows), or NULL for
 * 1. A row of weight 0 is ignored, whatever its contents. VL rows at a time, for one vector of logarithms.
 * 0 log 0 = 0: an output of -inf whose target is 0 adds no loss. */
static double kernel_cross_entropy(isize rows, isize n, const float *x, const int32_t *label, const float *target,
                                   const float *weight, float scale, float *dx) {
  double loss = 0;
  for (isize i = 0; i < rows; i += VL) {
    const isize end = rows - i < VL ? rows : i + VL;
    if (n <= FEW_CLASSES) {
      loss += few_classes(end - i, n, x + i * n, label ? label + i : NULL, label ? NULL : target + i * n,
                          weight ? weight + i : NULL, scale, dx + i * n);
      continue;
    }
    float maximum[VL], sum[VL], log_sum[VL];
    store(sum, broadcast(1.0f));
    for (isize r = i; r < end; r++) sum[r - i] = exponentials(n, x + r * n, dx + r * n, &maximum[r - i]);
    store(log_sum, log_vector(load(sum)));
    for (isize r = i; r < end; r++) {
      if (skipped(weight, r, n, dx)) continue;
      const float *xr = x + r * n, *t = label ? NULL : target + r * n;
      const float row_scale = weight ? weight[r] * scale : scale;
      const float share = row_scale / sum[r - i];
      float *dr = dx + r * n;
      double each;
      if (label) {
        for (isize j = 0; j < n; j += VL) store_up_to(dr + j, load_up_to(dr + j, n - j) * share, n - j);
        dr[label[r]] -= row_scale;
        each = label_loss(log_sum[r - i], xr[label[r]], maximum[r - i]);
      } else {
        vf dot = {0}, total = {0};
        for (isize j = 0; j < n; j += VL) {
          const vf tj = load_up_to(t + j, n - j), xj = load_up_to(xr + j, n - j), e = load_up_to(dr + j, n - j);
          total += tj;
          dot += choose(tj == 0.0f, tj, tj * (xj - maximum[r - i]));
          store_up_to(dr + j, e * share - tj * row_scale, n - j);
        }
        each = (double)log_sum[r - i] * sum_lanes(total) - sum_lanes(dot);
      }
      loss += weight ? each * weight[r] : each;
    }
  }
  return loss;
}

/* The sum over rows of weight sum_j t_j log t_j, in nats: added to kernel_cross_entropy, it gives the divergence
 * of softmax(x) from t. 0 log 0 = 0. target: (rows, n); weight: (rows), or NULL for 1. */
static double kernel_negative_entropy(isize rows, isize n, const float *target, const float *weight) {
  double total = 0;
  for (isize r = 0; r < rows; r++) {
    if (weight && weight[r] == 0.0f) continue;
    vf sum = {0};
    for (isize j = 0; j < n; j += VL) {
      const vf t = load_up_to(target + r * n + j, n - j);
      sum += choose(t == 0.0f, t, t * log_vector(t));
    }
    total += weight ? (double)sum_lanes(sum) * weight[r] : (double)sum_lanes(sum);
  }
  return total;
}

/* With q_j = c_j ((1 - smoothing) t_j + smoothing / n): mass = sum_j q_j, y = q / mass, and count = sum_j c_j t_j.
 * t: the row's label, or its row of target (rows, n); c: class_weight (n), or NULL for 1; mass, count: (rows).
 * Label smoothing: Szegedy et al. 2016, section 7. */
static void kernel_soften(isize rows, isize n, const int32_t *label, const float *target, const float *class_weight,
                          float smoothing, float *y, float *mass, float *count) {
  const float even = smoothing / (float)n;
  for (isize r = 0; r < rows; r++, y += n) {
    vf sum = {0}, counted = {0};
    if (label) {
      memset(y, 0, (size_t)n * sizeof *y);
      y[label[r]] = 1.0f;
    }
    for (isize j = 0; j < n; j += VL) {
      const vf t = load_up_to((label ? y : target + r * n) + j, n - j);
      const vf c =
          class_weight ? load_up_to(class_weight + j, n - j) : choose(lanes_below(n - j), broadcast(1.0f), (vf){0});
      const vf q = c * ((1.0f - smoothing) * t + even);
      counted += c * t;
      sum += q;
      store_up_to(y + j, q, n - j);
    }
    const float total = mass[r] = sum_lanes(sum);
    count[r] = sum_lanes(counted);
    for (isize j = 0; j < n && total > 0.0f; j += VL) store_up_to(y + j, load_up_to(y + j, n - j) / total, n - j);
  }
}

#endif
