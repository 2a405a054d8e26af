/* Losses of an output against its target, with the gradient in the same pass; and argmax over rows.
 * NaN passes through. */
#ifndef FASTNN_LOSS_H
#define FASTNN_LOSS_H

#include "elementary.h"

/* The elementwise losses: each is the loss of an output x for a target t, and slope its derivative in x. */

/* (x - t)^2 */
INLINE vf mse_of(vf x, vf t, float setting, vf *slope) {
  (void)setting;
  const vf d = x - t;
  *slope = 2.0f * d;
  return d * d;
}

/* |x - t|, slope 0 where they are equal */
INLINE vf mae_of(vf x, vf t, float setting, vf *slope) {
  (void)setting;
  const vf d = x - t;
  *slope = choose(d > 0.0f, broadcast(1.0f), choose(d < 0.0f, broadcast(-1.0f), d));
  return absolute(d);
}

/* d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), d = x - t. Huber 1964. */
INLINE vf huber_of(vf x, vf t, float delta, vf *slope) {
  const vf d = x - t;
  *slope = least(broadcast(delta), greatest(broadcast(-delta), d));
  return *slope * (d - 0.5f * *slope);
}

/* log(1 + e) for 0 <= e <= 1, at full precision for small e: the factor restores what rounding 1 + e lost.
 * Goldberg 1991, theorem 4. */
INLINE vf log_of_one_plus(vf e) {
  const vf u = 1.0f + e;
  return choose(u == 1.0f, e, log_vector(u) * (e / (u - 1.0f)));
}

INLINE vf positive_part(vf x) { return (vf)((vi)x & ~(x < 0.0f)); }

/* x: logits; -t log s(x) - (1 - t) log(1 - s(x)) = |x| (1 - t, or t where x < 0) + log(1 + exp(-|x|)), s the sigmoid:
 * unlike max(x, 0) - x t it has no difference of large numbers */
INLINE vf binary_cross_entropy_of(vf x, vf t, float setting, vf *slope) {
  (void)setting;
  *slope = sigmoid_vector(x) - t;
  return absolute(x) * choose(x < 0.0f, t, 1.0f - t) + log_of_one_plus(exp_vector(-absolute(x)));
}

/* max(0, 1 - x s), s = 1 where t >= 0.5, else -1 */
INLINE vf hinge_of(vf x, vf t, float setting, vf *slope) {
  (void)setting;
  const vf s = choose(t >= 0.5f, broadcast(1.0f), broadcast(-1.0f)), margin = 1.0f - x * s;
  *slope = choose(margin <= 0.0f, (vf){0}, choose(margin == margin, -s, margin));
  return greatest((vf){0}, margin);
}

/* x: the logarithm of a rate; exp(x) - x t, the negative log-likelihood of a count t without its constant log(t!) */
INLINE vf poisson_of(vf x, vf t, float setting, vf *slope) {
  (void)setting;
  /* With choose, because a fused multiply-add would treat the last product of exp as finite where it overflows. */
  const vf rate = choose(x > 88.8f, broadcast(__builtin_inff()), exp_vector(x));
  *slope = rate - t;
  return rate - x * t;
}

/* x: logits; -t q^gamma log p - (1 - t) p^gamma log q, p = s(x), q = 1 - p, computed from the logarithms.
 * Lin et al. 2017, equation 4. */
INLINE vf focal_of(vf x, vf t, float gamma, vf *slope) {
  const vf l = log_of_one_plus(exp_vector(-absolute(x)));
  const vf log_p = -(positive_part(-x) + l), log_q = -(positive_part(x) + l);
  const vf p = sigmoid_vector(x), q = sigmoid_vector(-x);
  const vf wrong = t * exp_vector(gamma * log_q), right = (1.0f - t) * exp_vector(gamma * log_p);
  *slope = wrong * (gamma * p * log_p - q) - right * (gamma * q * log_q - p);
  return -(wrong * log_p + right * log_q);
}

/* The losses of n elements, each with its own weight, or weight w where that is NULL. Elements of weight 0 are ignored.
 * loss_<name>: the sum of weight <name>(x, t) over rows of n elements, and dx = weight scale slope unless dx is NULL;
 * weight: (rows), or NULL for 1. */
#define FASTNN_LOSS(name)                                                                                              \
  INLINE double span_##name(isize n, const float *x, const float *target, const float *weight, float w, float setting, \
                            float scale, float *dx) {                                                                  \
    vd loss = {{0}, {0}};                                                                                              \
    for (isize i = 0; i < n; i += VL) {                                                                                \
      const vf each_weight = weight ? load_up_to(weight + i, n - i) : broadcast(w);                                    \
      vf slope, each = name##_of(load_up_to(x + i, n - i), load_up_to(target + i, n - i), setting, &slope);            \
      each = choose(each_weight == 0.0f, (vf){0}, each * each_weight);                                                 \
      slope = choose(each_weight == 0.0f, (vf){0}, slope * (each_weight * scale));                                     \
      loss = plus(loss, widen(n - i < VL ? choose(lanes_below(n - i), each, (vf){0}) : each));                         \
      if (dx) store_up_to(dx + i, slope, n - i);                                                                       \
    }                                                                                                                  \
    return sum_lanes_double(loss);                                                                                     \
  }                                                                                                                    \
  static double loss_##name(isize rows, isize n, const float *x, const float *target, const float *weight,             \
                            float setting, float scale, float *dx) {                                                   \
    if (!weight) return span_##name(rows * n, x, target, NULL, 1.0f, setting, scale, dx);                              \
    if (n == 1) return span_##name(rows, x, target, weight, 1.0f, setting, scale, dx);                                 \
    double loss = 0;                                                                                                   \
    for (isize r = 0; r < rows; r++)                                                                                   \
      loss += span_##name(n, x + r * n, target + r * n, NULL, weight[r], setting, scale, dx ? dx + r * n : NULL);      \
    return loss;                                                                                                       \
  }
FASTNN_LOSSES(FASTNN_LOSS)

#define FASTNN_LOSS_ENTRY(name) loss_##name,
static double (*const losses[])(isize rows, isize n, const float *x, const float *target, const float *weight,
                                float setting, float scale, float *dx) = {FASTNN_LOSSES(FASTNN_LOSS_ENTRY)};

/* The sum over rows of weight (1 - cos), cos = x.t / (|x| |t|), and dx = weight scale (x cos / |x|^2 - t / (|x| |t|)).
 * x, target, dx: (rows, n); weight: (rows), or NULL for 1. A row of zeros has no direction: cos and gradient are 0. */
static double kernel_cosine(isize rows, isize n, const float *x, const float *target, const float *weight, float scale,
                            float *dx) {
  double loss = 0;
  for (isize r = 0; r < rows; r++, x += n, target += n, dx += n) {
    const double w = weight ? weight[r] : 1.0;
    vd xx = {{0}, {0}}, tt = xx, xt = xx;
    for (isize j = 0; j < n; j += VL) {
      const vd a = widen(load_up_to(x + j, n - j)), b = widen(load_up_to(target + j, n - j));
      xx = plus_product(xx, a, a), tt = plus_product(tt, b, b), xt = plus_product(xt, a, b);
    }
    const double square = sum_lanes_double(xx), length = __builtin_sqrt(square) * __builtin_sqrt(sum_lanes_double(tt));
    const int none = length == 0.0;
    const double cosine = none ? 0.0 : sum_lanes_double(xt) / length;
    const double along = none ? 0.0 : w * scale * cosine / square, away = none ? 0.0 : w * scale / length;
    for (isize j = 0; j < n; j += VL) {
      const vd a = widen(load_up_to(x + j, n - j)), b = widen(load_up_to(target + j, n - j));
      const vf d = narrow((vd){a.low * along - b.low * away, a.high * along - b.high * away});
      store_up_to(dx + j, w == 0.0 ? (vf){0} : d, n - j);
    }
    if (w != 0.0) loss += w * (1.0 - cosine);
  }
  return loss;
}

/* The sum over rows of weight L, L = 1 - (2 p.t + smooth) / (|p| + |t| + smooth), p = s(x) and |.| the sum of elements,
 * and dx = weight scale dL/dx. As (sum of p (1 - t) + t (1 - p)) / (|p| + |t| + smooth) it is no difference of near
 * numbers. x, target, dx: (rows, n); weight: (rows), or NULL for 1; smooth > 0. */
static double kernel_dice(isize rows, isize n, const float *x, const float *target, const float *weight, float smooth,
                          float scale, float *dx) {
  double loss = 0;
  for (isize r = 0; r < rows; r++, x += n, target += n, dx += n) {
    const double w = weight ? weight[r] : 1.0;
    vd wrong = {{0}, {0}}, sizes = wrong;
    for (isize j = 0; j < n; j += VL) {
      const vf xj = load_up_to(x + j, n - j), t = load_up_to(target + j, n - j), p = sigmoid_vector(xj);
      const vf missed = p * (1.0f - t) + t * sigmoid_vector(-xj), both = p + t;
      const vi there = n - j < VL ? lanes_below(n - j) : ~(vi){0};
      wrong = plus(wrong, widen(choose(there, missed, (vf){0})));
      sizes = plus(sizes, widen(choose(there, both, (vf){0})));
    }
    const double size = sum_lanes_double(sizes) + smooth, own = sum_lanes_double(wrong) / size;
    const float factor = (float)(w * scale / size), share = (float)(1.0 - own);
    for (isize j = 0; j < n; j += VL) {
      const vf xj = load_up_to(x + j, n - j), t = load_up_to(target + j, n - j);
      const vf slope = sigmoid_vector(xj) * sigmoid_vector(-xj) * (share - 2.0f * t);
      store_up_to(dx + j, w == 0.0 ? (vf){0} : slope * factor, n - j);
    }
    if (w != 0.0) loss += w * own;
  }
  return loss;
}

/* y: the argmax of each row, the first in a tie; NaN counts as the maximum. */
static void kernel_argmax(isize rows, isize n, const float *x, int32_t *y) {
  for (isize i = 0; i < rows; i++, x += n) {
    isize best = 0;
    for (isize j = 1; j < n; j++)
      if (x[j] > x[best] || (x[j] != x[j] && x[best] == x[best])) best = j;
    y[i] = (int32_t)best;
  }
}

#endif
