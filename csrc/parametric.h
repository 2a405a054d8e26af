/* Activations with settings, computed with their derivatives from the input x; y may be x, dx may be dy. NaN passes
 * through. At a kink the slope is the same as PyTorch's. */
#ifndef FASTNN_PARAMETRIC_H
#define FASTNN_PARAMETRIC_H

#include "elementary.h"

/* x where x > 0, else a x. */
INLINE vf leak_of(vf x, vf a, vf b) {
  (void)b;
  return choose(x > 0.0f, x, a * x);
}
INLINE vf leak_slope(vf x, vf dy, vf a, vf b) {
  (void)b;
  return choose(x > 0.0f, dy, a * dy);
}

/* x where x > 0, else a (exp(x) - 1). */
INLINE vf exponential_of(vf x, vf a, vf b) {
  (void)b;
  return choose(x > 0.0f, x, a * expm1_of_negative(x));
}
INLINE vf exponential_slope(vf x, vf dy, vf a, vf b) {
  (void)b;
  return dy * choose(x > 0.0f, broadcast(1.0f), a * exp_vector(least(broadcast(0.0f), x)));
}

/* x, but at least a and at most b. */
INLINE vf limit_of(vf x, vf a, vf b) { return least(b, greatest(a, x)); }
INLINE vf limit_slope(vf x, vf dy, vf a, vf b) { return (vf)((vi)dy & ~((x < a) | (x > b))); }

/* y = f(x; a, b), and dx = dy f'(x; a, b). */
#define FASTNN_PARAMETRIC(name)                                                                                 \
  static void kernel_##name(isize n, const float *x, float a, float b, float *y) {                              \
    for (isize i = 0; i < n; i += VL)                                                                           \
      store_up_to(y + i, name##_of(load_up_to(x + i, n - i), broadcast(a), broadcast(b)), n - i);               \
  }                                                                                                             \
  static void kernel_##name##_gradient(isize n, const float *x, const float *dy, float a, float b, float *dx) { \
    for (isize i = 0; i < n; i += VL) {                                                                         \
      const vf d = load_up_to(dy + i, n - i);                                                                   \
      store_up_to(dx + i, name##_slope(load_up_to(x + i, n - i), d, broadcast(a), broadcast(b)), n - i);        \
    }                                                                                                           \
  }
FASTNN_PARAMETRIC(leak)
FASTNN_PARAMETRIC(exponential)
FASTNN_PARAMETRIC(limit)

#endif
