/* Activations and their derivatives, elementwise; y may be x, dx may be dy. A derivative is a function of the output y,
 * so that nothing but y has to be kept for the backward pass. NaN passes through. */
#ifndef FASTNN_ACTIVATION_H
#define FASTNN_ACTIVATION_H

#include "elementary.h"

INLINE vf identity_of(vf x) { return x; }
INLINE vf relu_of(vf x) { return (vf)((vi)x & ~(x < 0.0f)); }
INLINE vf sigmoid_of(vf x) { return sigmoid_vector(x); }
INLINE vf tanh_of(vf x) { return tanh_vector(x); }

/* dy * f'(x), given y = f(x). */
INLINE vf identity_slope(vf y, vf dy) {
  (void)y;
  return dy;
}
INLINE vf relu_slope(vf y, vf dy) { return (vf)((vi)dy & ~(y <= 0.0f)); }
INLINE vf sigmoid_slope(vf y, vf dy) { return dy * (y * (1.0f - y)); }
INLINE vf tanh_slope(vf y, vf dy) { return dy * (1.0f - y * y); }

#define FASTNN_MAP(name)                                                                                         \
  static void map_##name(isize n, const float *x, float *y) {                                                    \
    for (isize i = 0; i < n; i += VL) store_up_to(y + i, name##_of(load_up_to(x + i, n - i)), n - i);            \
  }                                                                                                              \
  static void gradient_##name(isize n, const float *y, const float *dy, float *dx) {                             \
    for (isize i = 0; i < n; i += VL)                                                                            \
      store_up_to(dx + i, name##_slope(load_up_to(y + i, n - i), load_up_to(dy + i, n - i)), n - i);             \
  }                                                                                                              \
  static void block_map_##name(isize rows, isize n, float *x, isize x_row) {                                     \
    for (; rows > 0; rows--, x += x_row) map_##name(n, x, x);                                                    \
  }                                                                                                              \
  static void block_gradient_##name(isize rows, isize n, const float *y, isize y_row, float *dx, isize dx_row) { \
    for (; rows > 0; rows--, y += y_row, dx += dx_row) gradient_##name(n, y, dx, dx);                            \
  }
FASTNN_ACTIVATIONS(FASTNN_MAP)

#define FASTNN_MAP_ENTRY(name) map_##name,
#define FASTNN_GRADIENT_ENTRY(name) gradient_##name,
static void (*const maps[])(isize n, const float *x, float *y) = {FASTNN_ACTIVATIONS(FASTNN_MAP_ENTRY)};
static void (*const gradients[])(isize n, const float *y, const float *dy,
                                 float *dx) = {FASTNN_ACTIVATIONS(FASTNN_GRADIENT_ENTRY)};

#define FASTNN_BLOCK_MAP_ENTRY(name) block_map_##name,
#define FASTNN_BLOCK_GRADIENT_ENTRY(name) block_gradient_##name,
static void (*const block_maps[])(isize rows, isize n, float *x,
                                  isize x_row) = {FASTNN_ACTIVATIONS(FASTNN_BLOCK_MAP_ENTRY)};
static void (*const block_gradients[])(isize rows, isize n, const float *y, isize y_row, float *dx,
                                       isize dx_row) = {FASTNN_ACTIVATIONS(FASTNN_BLOCK_GRADIENT_ENTRY)};

#endif
