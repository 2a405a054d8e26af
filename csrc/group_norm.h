/* The gradient of group normalization, elementwise; its sums, and y itself, are those of batch normalization. */
#ifndef FASTNN_GROUP_NORM_H
#define FASTNN_GROUP_NORM_H

#include "columns.h"

INLINE void group_norm_gradient(const int vectors, isize left, isize rows, isize n, const float *x, const float *mean,
                                const float *dy, const float *scale, const float *slope, const float *shift,
                                float *dx) {
  vf m[ABREAST], a[ABREAST], b[ABREAST], c[ABREAST];
  for (int v = 0; v < vectors; v++) {
    m[v] = load_up_to(mean + v * VL, left);
    a[v] = load_up_to(scale + v * VL, left);
    b[v] = load_up_to(slope + v * VL, left);
    c[v] = load_up_to(shift + v * VL, left);
  }
  for (isize i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) {
      const vf xi = load_up_to(x + i * n + v * VL, left), di = load_up_to(dy + i * n + v * VL, left);
      store_up_to(dx + i * n + v * VL, (di * a[v] - c[v]) - (xi - m[v]) * b[v], left);
    }
}

/* dx = scale dy - shift - slope (x - mean), with x, dy and dx (rows, n), all others (n); dx may be dy. Wu & He 2018. */
static void kernel_group_norm_gradient(isize rows, isize n, const float *x, const float *mean, const float *dy,
                                       const float *scale, const float *slope, const float *shift, float *dx) {
#define GROUP_NORM_GRADIENT(vectors, left) \
  group_norm_gradient(vectors, left, rows, n, x + j, mean + j, dy + j, scale + j, slope + j, shift + j, dx + j)
  EACH_COLUMNS(VL, n, GROUP_NORM_GRADIENT);
}

#endif
