/* y = scale x + offset. */
#ifndef FASTNN_RESCALE_H
#define FASTNN_RESCALE_H

#include "simd.h"

/* y may be x. */
static void kernel_rescale(isize n, const float *x, float scale, float offset, float *y) {
  for (isize i = 0; i < n; i += VL) {
    const vf xi = load_up_to(x + i, n - i);
    store_up_to(y + i, xi * scale + offset, n - i);
  }
}

#endif
