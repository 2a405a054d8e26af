/* Rotary positions: pairs of numbers of a query or key, turned by angles that grow with the step. */
#ifndef FASTNN_ROTARY_H
#define FASTNN_ROTARY_H

#include "simd.h"

/* Of one step: in each head (2 half), the pairs (a, b) = (x_i, x_{i + half}) become (a cos_i - b sin_i, b cos_i +
 * a sin_i); with back the angles are negative, which is the gradient. cosine, sine (half); y may be x. Su et al. 2021,
 * eq. 34, in the order of halves. */
static void kernel_rotary(isize heads, isize half, const float *x, const float *cosine, const float *sine, int back,
                          float *y) {
  const float way = back ? -1 : 1;
  for (; heads > 0; heads--, x += 2 * half, y += 2 * half)
    for (isize i = 0; i < half; i += VL) {
      const isize left = half - i;
      const vf c = load_up_to(cosine + i, left), s = load_up_to(sine + i, left) * way;
      const vf a = load_up_to(x + i, left), b = load_up_to(x + half + i, left);
      store_up_to(y + i, a * c - b * s, left);
      store_up_to(y + half + i, b * c + a * s, left);
    }
}

#endif
