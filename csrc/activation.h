/* Elementwise activations and their derivatives; y may be x, dx may be dy. NaN passes through.
 * Most derivatives are computed from the output y, so that only y has to be kept for the backward pass; those of
 * functions that are not monotonic (A(name, x) in kernels.h) from the input x. At a kink the slope is the same as
 * PyTorch's. Error bounds of f, asserted over all floats by `make sweep`, in units in the last place: identity, relu,
 * step, hard_tanh, relu6 and absolute 0, square 0.5, leaky_relu and elu 1, exp, softsign and hard_sigmoid 1.5, selu,
 * softplus and tanh 2, hard_swish 2.5, sigmoid 3, silu 3.5, mish 5, gelu 10 (5 above -1); gelu_tanh 2 units of x. */
#ifndef FASTNN_ACTIVATION_H
#define FASTNN_ACTIVATION_H

#include "elementary.h"

INLINE vf identity_of(vf x) { return x; }
INLINE vf identity_slope(vf y, vf dy) {
  (void)y;
  return dy;
}

INLINE vf relu_of(vf x) { return (vf)((vi)x & ~(x < 0.0f)); }
INLINE vf relu_slope(vf y, vf dy) { return (vf)((vi)dy & ~(y <= 0.0f)); }

INLINE vf sigmoid_of(vf x) { return sigmoid_vector(x); }
INLINE vf sigmoid_slope(vf y, vf dy) { return dy * (y * (1.0f - y)); }

INLINE vf tanh_of(vf x) { return tanh_vector(x); }
INLINE vf tanh_slope(vf y, vf dy) { return dy * (1.0f - y * y); }

INLINE vf step_of(vf x) { return choose(x == x, choose(x >= 0.0f, broadcast(1.0f), (vf){0}), x); }
INLINE vf step_slope(vf y, vf dy) {
  (void)dy;
  return choose(y == y, (vf){0}, y);
}

#define LEAK 0.01f
INLINE vf leaky_relu_of(vf x) { return choose(x < 0.0f, x * LEAK, x); }
INLINE vf leaky_relu_slope(vf y, vf dy) { return choose(y > 0.0f, dy, dy * LEAK); }

INLINE vf elu_of(vf x) { return choose(x > 0.0f, x, expm1_of_negative(x)); }
INLINE vf elu_slope(vf y, vf dy) { return choose(y > 0.0f, dy, dy * (y + 1.0f)); }

#define SELU_SCALE 1.05070098735548049f
#define SELU_LIMIT 1.75809934084737686f /* scale * alpha */
INLINE vf selu_of(vf x) { return choose(x > 0.0f, x * SELU_SCALE, expm1_of_negative(x) * SELU_LIMIT); }
INLINE vf selu_slope(vf y, vf dy) { return dy * choose(y > 0.0f, broadcast(SELU_SCALE), y + SELU_LIMIT); }

INLINE vf softplus_of(vf x) { return greatest(broadcast(0.0f), x) + log1p_of_unit(exp_vector(-absolute(x))); }
INLINE vf softplus_slope(vf y, vf dy) { return -dy * expm1_of_negative(-y); }

/* |x| is clamped to the largest finite float; otherwise infinity would be divided by itself. */
INLINE vf softsign_of(vf x) {
  const vf a = least(broadcast(3.40282347e38f), absolute(x));
  return with_sign(a / (1.0f + a), x);
}
INLINE vf softsign_slope(vf y, vf dy) {
  const vf rest = 1.0f - absolute(y);
  return dy * (rest * rest);
}

INLINE vf hard_sigmoid_of(vf x) { return least(broadcast(6.0f), greatest(broadcast(0.0f), x + 3.0f)) * (1 / 6.0f); }
INLINE vf hard_sigmoid_slope(vf y, vf dy) { return (vf)((vi)(dy * (1 / 6.0f)) & ~((y <= 0.0f) | (y >= 1.0f))); }

INLINE vf hard_tanh_of(vf x) { return least(broadcast(1.0f), greatest(broadcast(-1.0f), x)); }
INLINE vf hard_tanh_slope(vf y, vf dy) { return (vf)((vi)dy & ~(absolute(y) >= 1.0f)); }

INLINE vf relu6_of(vf x) { return least(broadcast(6.0f), greatest(broadcast(0.0f), x)); }
INLINE vf relu6_slope(vf y, vf dy) { return (vf)((vi)dy & ~((y <= 0.0f) | (y >= 6.0f))); }

INLINE vf exp_of(vf x) { return exp_vector(x); }
INLINE vf exp_slope(vf y, vf dy) { return dy * y; }

INLINE vf square_of(vf x) { return x * x; }
INLINE vf square_slope(vf x, vf dy) { return dy * x * 2.0f; }

INLINE vf absolute_of(vf x) { return absolute(x); }
INLINE vf absolute_slope(vf x, vf dy) { return dy * sign(x); }

/* gelu, gelu_tanh and silu are f(x) = x s(x), where s rises from 0 to 1 and s(-x) = 1 - s(x). So with a = |x|
 *   f(x) = max(x, 0) - a s(-a),   f'(x) = d where x < 0, 1 - d elsewhere,   d = s(-a) - a s'(a):
 * small results keep their precision. a is clamped where a s(-a) is 0; otherwise infinity would be multiplied by 0. */
INLINE vf gated(vf x, vf tail) { return greatest(broadcast(0.0f), x) - tail; }
INLINE vf gated_slope(vf x, vf d, vf dy) { return dy * choose(x < 0.0f, d, 1.0f - d); }

/* s = Phi, the normal distribution. */
INLINE vf gelu_of(vf x) {
  const vf a = least(broadcast(15.0f), absolute(x));
  vf n;
  const vf p = gaussian_reduced(a, &n);
  return gated(x, times_power(a * scaled_tail(a) * p, n));
}
INLINE vf gelu_slope(vf x, vf dy) {
  const vf a = least(broadcast(15.0f), absolute(x));
  const vf d = exp_vector(a * a * -0.5f) * (scaled_tail(a) - a * 0.398942280f);
  return gated_slope(x, d, dy);
}

/* s = sigmoid(v(x)), v odd: s(-a) = exp(-v) / (1 + exp(-v)). */
INLINE vf sigmoid_gated(vf x, vf a, vf v) {
  vf n;
  const vf p = exp_reduced(-v, &n);
  return gated(x, times_power(a * p, n) / (1.0f + times_power(p, n)));
}
INLINE vf sigmoid_gated_slope(vf x, vf a, vf v, vf dv, vf dy) {
  const vf low = sigmoid_vector(-v);
  return gated_slope(x, low - a * dv * (low * (1.0f - low)), dy);
}

INLINE vf silu_of(vf x) {
  const vf a = least(broadcast(120.0f), absolute(x));
  return sigmoid_gated(x, a, a);
}
INLINE vf silu_slope(vf x, vf dy) {
  const vf a = least(broadcast(120.0f), absolute(x));
  return sigmoid_gated_slope(x, a, a, broadcast(1.0f), dy);
}

/* v = 2 sqrt(2 / pi) (x + 0.044715 x^3) */
#define GELU_LINEAR 1.59576912f
#define GELU_CUBIC 0.0713548163f
INLINE vf gelu_tanh_of(vf x) {
  const vf a = least(broadcast(12.0f), absolute(x));
  return sigmoid_gated(x, a, a * (GELU_LINEAR + GELU_CUBIC * (a * a)));
}
INLINE vf gelu_tanh_slope(vf x, vf dy) {
  const vf a = least(broadcast(12.0f), absolute(x)), z = a * a;
  return sigmoid_gated_slope(x, a, a * (GELU_LINEAR + GELU_CUBIC * z), GELU_LINEAR + 3 * GELU_CUBIC * z, dy);
}

/* mish = x t, t = tanh(log(1 + exp(x))) = n / d: with e = exp(-|x|)
 *   n = e (2 + e), d = n + 2 where x < 0, n = 1 + 2 e, d = n + 2 e^2 elsewhere:
 * all terms are positive, so that no digits are lost. Where x < 0 the result may be normal while e is not: |x| e is
 * computed first. |x| is clamped as above. */
INLINE vf mish_of(vf x) {
  const vf a = least(broadcast(120.0f), absolute(x));
  vf power_of_e;
  const vf p = exp_reduced(-a, &power_of_e), e = times_power(p, power_of_e);
  const vi below = x < 0.0f;
  const vf first = choose(below, -times_power(a * p, power_of_e), x);
  const vf n = choose(below, 2.0f + e, 1.0f + 2.0f * e);
  return first * (n / choose(below, 2.0f + e * n, n + 2.0f * e * e));
}
/* t + x (1 - t^2) sigmoid(x); (1 - t^2) sigmoid(x) is 4 (1 + e) e / d^2 where x < 0, 4 (1 + e) e^2 / d^2 elsewhere. */
INLINE vf mish_slope(vf x, vf dy) {
  const vf a = least(broadcast(120.0f), absolute(x)), e = exp_vector(-a), z = e * e;
  const vi below = x < 0.0f;
  const vf n = choose(below, 2.0f * e + z, 1.0f + 2.0f * e), d = n + choose(below, broadcast(2.0f), 2.0f * z);
  const vf rise = a * 4.0f * (1.0f + e) * choose(below, -e, z);
  return dy * ((n + rise / d) / d);
}

/* x hard_sigmoid(x); x is clamped where that is 0. */
INLINE vf hard_swish_of(vf x) { return greatest(broadcast(-3.0f), x) * hard_sigmoid_of(x); }
INLINE vf hard_swish_slope(vf x, vf dy) {
  return dy * choose(x <= -3.0f, (vf){0}, choose(x >= 3.0f, broadcast(1.0f), x * (1 / 3.0f) + 0.5f));
}

#define FASTNN_MAP(name, source)                                                                            \
  static void map_##name(isize rows, isize n, const float *x, float *y, isize row) {                        \
    for (; rows > 0; rows--, x += row, y += row)                                                            \
      for (isize i = 0; i < n; i += VL) store_up_to(y + i, name##_of(load_up_to(x + i, n - i)), n - i);     \
  }                                                                                                         \
  static void gradient_##name(isize rows, isize n, const float *y, isize y_row, const float *dy, float *dx, \
                              isize row) {                                                                  \
    for (; rows > 0; rows--, y += y_row, dy += row, dx += row)                                              \
      for (isize i = 0; i < n; i += VL)                                                                     \
        store_up_to(dx + i, name##_slope(load_up_to(y + i, n - i), load_up_to(dy + i, n - i)), n - i);      \
  }
FASTNN_ACTIVATIONS(FASTNN_MAP)

#define FASTNN_MAP_ENTRY(name, source) map_##name,
#define FASTNN_GRADIENT_ENTRY(name, source) gradient_##name,
static void (*const maps[])(isize rows, isize n, const float *x, float *y,
                            isize row) = {FASTNN_ACTIVATIONS(FASTNN_MAP_ENTRY)};
static void (*const gradients[])(isize rows, isize n, const float *y, isize y_row, const float *dy, float *dx,
                                 isize row) = {FASTNN_ACTIVATIONS(FASTNN_GRADIENT_ENTRY)};

#endif
