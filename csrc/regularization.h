/* Weight penalties, gradient clipping and max-norm constraints, and the running average of the weights. */
#ifndef FASTNN_REGULARIZATION_H
#define FASTNN_REGULARIZATION_H

#include "simd.h"

/* Returns l1 sum |w| + l2 sum w^2, and adds its gradient l1 sign(w) + 2 l2 w to g, unless that is NULL. */
static double kernel_penalty(isize n, const float *w, double l1, double l2, float *g) {
  const float flat = (float)l1, steep = (float)(2 * l2);
  vd sizes = {{0}, {0}}, squares = sizes;
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf wi = load_up_to(w + i, left);
    const vd wide = widen(wi);
    sizes = plus(sizes, widen(absolute(wi)));
    squares = plus_product(squares, wide, wide);
    if (g) {
      const vf gi = load_up_to(g + i, left);
      store_up_to(g + i, gi + (flat * sign(wi) + steep * wi), left);
    }
  }
  return l1 * sum_lanes_double(sizes) + l2 * sum_lanes_double(squares);
}

/* x = factor min(max(x, -limit), limit). */
static void kernel_clip(isize n, float *x, float limit, float factor) {
  const vf high = broadcast(limit), low = broadcast(-limit);
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf xi = load_up_to(x + i, left);
    store_up_to(x + i, factor * least(high, greatest(low, xi)), left);
  }
}

/* Each column of w (rows, n), with row i at w + i w_row, whose Euclidean norm is above limit is scaled down to it.
 * Srivastava et al. 2014, section 5.1. */
static void kernel_max_norm(isize rows, isize n, float *w, isize w_row, float limit) {
  for (isize j = 0; j < n; j += VL) {
    const isize left = n - j;
    vd squares = {{0}, {0}};
    for (isize i = 0; i < rows; i++) {
      const vd wide = widen(load_up_to(w + i * w_row + j, left));
      squares = plus_product(squares, wide, wide);
    }
    vf factor;
    int shrinks = 0;
    for (int l = 0; l < VL; l++) {
      const double norm = __builtin_sqrt(l < WL ? squares.low[l] : squares.high[l - WL]);
      factor[l] = norm <= limit ? 1 : (float)(limit / norm);
      shrinks |= !(norm <= limit);
    }
    for (isize i = 0; shrinks && i < rows; i++) {
      float *row = w + i * w_row + j;
      store_up_to(row, factor * load_up_to(row, left), left);
    }
  }
}

/* mean += rest (x - mean). */
static void kernel_average(isize n, const float *x, float *mean, float rest) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf xi = load_up_to(x + i, left), mi = load_up_to(mean + i, left);
    store_up_to(mean + i, mi + rest * (xi - mi), left);
  }
}

#endif
