/* PReLU: a rectifier whose negative slope is learned, one per column. He et al. 2015, eq. 1 and 3. */
#ifndef FASTNN_PRELU_H
#define FASTNN_PRELU_H

#include "simd.h"

/* y = x where x > 0, else slope_j x; x, y (rows, n), with the given number of floats from row to row. y may be x. */
static void kernel_prelu(isize rows, isize n, const float *x, isize row, const float *slope, float *y) {
  for (; rows > 0; rows--, x += row, y += row)
    for (isize j = 0; j < n; j += VL) {
      const vf v = load_up_to(x + j, n - j), a = load_up_to(slope + j, n - j);
      store_up_to(y + j, choose(v > 0.0f, v, a * v), n - j);
    }
}

/* dx = dy where x > 0, else slope_j dy; dslope_j += the sum of x_j dy_j over the rows where x_j <= 0, from first to
 * last, unless dslope is NULL. dx may be dy. */
static void kernel_prelu_gradient(isize rows, isize n, const float *x, isize row, const float *slope, const float *dy,
                                  float *dx, float *dslope) {
  for (; rows > 0; rows--, x += row, dy += row, dx += row)
    for (isize j = 0; j < n; j += VL) {
      const vf v = load_up_to(x + j, n - j), a = load_up_to(slope + j, n - j), g = load_up_to(dy + j, n - j);
      if (dslope) {
        const vf d = load_up_to(dslope + j, n - j), product = v * g;
        store_up_to(dslope + j, d + choose(v > 0.0f, (vf){0}, product), n - j);
      }
      store_up_to(dx + j, choose(v > 0.0f, g, a * g), n - j);
    }
}

#endif
