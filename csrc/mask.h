/* Choosing by a mask, element by element. */
#ifndef FASTNN_MASK_H
#define FASTNN_MASK_H

#include "simd.h"

/* y = x where mask is not 0, a NaN included, and `otherwise` elsewhere; y may be x. */
static void kernel_mask(isize n, const float *x, const float *mask, float otherwise, float *y) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vi hidden = load_up_to(mask + i, left) == 0.0f;
    store_up_to(y + i, choose(hidden, broadcast(otherwise), load_up_to(x + i, left)), left);
  }
}

#endif
