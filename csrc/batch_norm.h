/* Batch normalization: sums over the rows of each column, and the elementwise passes that use them. x (rows, n). */
#ifndef FASTNN_BATCH_NORM_H
#define FASTNN_BATCH_NORM_H

#include "columns.h"

INLINE void centred_sums(const int vectors, isize left, isize rows, isize n, const float *x, const float *centre,
                         const float *dy, double *sum, double *product) {
  vw s[ABREAST], p[ABREAST], c[ABREAST];
  for (int v = 0; v < vectors; v++) {
    c[v] = load_wide(centre + v * WL, left);
    s[v] = p[v] = (vw){0};
  }
  for (isize i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) {
      const isize at = i * n + v * WL;
      const vw d = load_wide(x + at, left) - c[v], w = dy ? load_wide(dy + at, left) : d;
      s[v] += w;
      p[v] += w * d;
    }
  for (int v = 0; v < vectors; v++) {
    store_wide(sum + v * WL, s[v], left);
    store_wide(product + v * WL, p[v], left);
  }
}

/* sum (n) = sum of w, product (n) = sum of w (x - centre) over the rows, all in double; w = dy, or x - centre if dy is
 * NULL; centre (n). With one of the rows as centre, the sum of squares stays precise however large the mean is. */
static void kernel_centred_sums(isize rows, isize n, const float *x, const float *centre, const float *dy, double *sum,
                                double *product) {
#define GRADIENT_SUMS(vectors, left) \
  centred_sums(vectors, left, rows, n, x + j, centre + j, dy + j, sum + j, product + j)
#define SUMS(vectors, left) centred_sums(vectors, left, rows, n, x + j, centre + j, NULL, sum + j, product + j)
  if (dy)
    EACH_COLUMNS(WL, n, GRADIENT_SUMS);
  else
    EACH_COLUMNS(WL, n, SUMS);
}

INLINE void batch_norm(const int vectors, isize left, isize rows, isize n, const float *x, const float *mean,
                       const float *variance, const float *gamma, const float *beta, float epsilon, float *y) {
  vf m[ABREAST], scale[ABREAST], shift[ABREAST];
  for (int v = 0; v < vectors; v++) {
    m[v] = load_up_to(mean + v * VL, left);
    shift[v] = load_up_to(beta + v * VL, left);
    scale[v] = load_up_to(gamma + v * VL, left) / square_root(load_up_to(variance + v * VL, left) + epsilon);
  }
  for (isize i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) {
      const vf xi = load_up_to(x + i * n + v * VL, left);
      store_up_to(y + i * n + v * VL, (xi - m[v]) * scale[v] + shift[v], left);
    }
}

/* y = gamma (x - mean) / sqrt(variance + epsilon) + beta, all of them (n); y may be x. Ioffe & Szegedy 2015, alg. 1. */
static void kernel_batch_norm(isize rows, isize n, const float *x, const float *mean, const float *variance,
                              const float *gamma, const float *beta, float epsilon, float *y) {
#define NORM(vectors, left) \
  batch_norm(vectors, left, rows, n, x + j, mean + j, variance + j, gamma + j, beta + j, epsilon, y + j)
  EACH_COLUMNS(VL, n, NORM);
}

INLINE void batch_norm_gradient(const int vectors, isize left, isize rows, isize n, const float *x, const float *mean,
                                const float *variance, const float *gamma, float epsilon, const float *shift,
                                const float *slope, const float *dy, float *dx) {
  vf m[ABREAST], scale[ABREAST], a[ABREAST], b[ABREAST];
  for (int v = 0; v < vectors; v++) {
    const vf wide = load_up_to(variance + v * VL, left) + epsilon;
    m[v] = load_up_to(mean + v * VL, left);
    scale[v] = load_up_to(gamma + v * VL, left) / square_root(wide);
    a[v] = load_up_to(shift + v * VL, left);
    b[v] = load_up_to(slope + v * VL, left) / wide;
  }
  for (isize i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) {
      const vf xi = load_up_to(x + i * n + v * VL, left), di = load_up_to(dy + i * n + v * VL, left);
      store_up_to(dx + i * n + v * VL, ((di - a[v]) - (xi - m[v]) * b[v]) * scale[v], left);
    }
}

/* dx = gamma / sqrt(variance + epsilon) (dy - shift - (x - mean) slope / (variance + epsilon)), with shift (n) the mean
 * of dy and slope (n) the mean of dy (x - mean) over the batch; dx may be dy. Ioffe & Szegedy 2015, section 3. */
static void kernel_batch_norm_gradient(isize rows, isize n, const float *x, const float *mean, const float *variance,
                                       const float *gamma, float epsilon, const float *shift, const float *slope,
                                       const float *dy, float *dx) {
#define NORM_GRADIENT(vectors, left)                                                                                   \
  batch_norm_gradient(vectors, left, rows, n, x + j, mean + j, variance + j, gamma + j, epsilon, shift + j, slope + j, \
                      dy + j, dx + j)
  EACH_COLUMNS(VL, n, NORM_GRADIENT);
}

#endif
