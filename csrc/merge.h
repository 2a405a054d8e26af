/* Elementwise operations that merge values; y may be any of the inputs. NaN passes through. */
#ifndef FASTNN_MERGE_H
#define FASTNN_MERGE_H

#include "simd.h"

/* y = a + b. */
static void kernel_add(isize n, const float *a, const float *b, float *y) {
  for (isize i = 0; i < n; i += VL) store_up_to(y + i, load_up_to(a + i, n - i) + load_up_to(b + i, n - i), n - i);
}

/* y = a - b. */
static void kernel_subtract(isize n, const float *a, const float *b, float *y) {
  for (isize i = 0; i < n; i += VL) store_up_to(y + i, load_up_to(a + i, n - i) - load_up_to(b + i, n - i), n - i);
}

/* y = a b. */
static void kernel_multiply(isize n, const float *a, const float *b, float *y) {
  for (isize i = 0; i < n; i += VL) store_up_to(y + i, load_up_to(a + i, n - i) * load_up_to(b + i, n - i), n - i);
}

/* y = factor x. */
static void kernel_scale(isize n, float factor, const float *x, float *y) {
  for (isize i = 0; i < n; i += VL) store_up_to(y + i, factor * load_up_to(x + i, n - i), n - i);
}

#endif
