/* Layer normalization of each row of x (rows, n), or that by the root mean square, where the mean counts as 0. moments
 * (rows, 2): a row's mean, and 1 / sqrt(variance + epsilon). */
#ifndef FASTNN_LAYER_NORM_H
#define FASTNN_LAYER_NORM_H

#include "columns.h"

INLINE double sum_wide(vw x) {
  double sum = 0;
  for (int l = 0; l < WL; l++) sum += x[l];
  return sum;
}

/* y = gamma (x - mean) / sqrt(variance + epsilon) + beta, gamma and beta (n), and the moments, which are summed in
 * double: the variance keeps its precision when the mean is large. y may be x. Ba et al. 2016, eq. 4. beta NULL: mean
 * and beta are 0, and the variance is the mean of x^2; Zhang & Sennrich 2019, eq. 4. */
static void kernel_layer_norm(isize rows, isize n, const float *x, const float *gamma, const float *beta, float epsilon,
                              float *moments, float *y) {
  for (; rows > 0; rows--, x += n, y += n, moments += 2) {
    vw sum = {0}, square = {0};
    if (beta)
      for (isize j = 0; j < n; j += WL) sum += load_wide(x + j, n - j);
    const double mean = sum_wide(sum) / (double)n;
    for (isize j = 0; j < n; j += WL) {
      vw d = load_wide(x + j, n - j) - mean;
      for (isize l = n - j; l < WL; l++) d[l] = 0;
      square += d * d;
    }
    const float centre = (float)mean, scale = (float)(1 / __builtin_sqrt(sum_wide(square) / (double)n + epsilon));
    moments[0] = centre;
    moments[1] = scale;
    for (isize j = 0; j < n; j += VL) {
      const isize left = n - j;
      const vf xj = load_up_to(x + j, left), g = load_up_to(gamma + j, left);
      const vf b = beta ? load_up_to(beta + j, left) : (vf){0};
      store_up_to(y + j, (xj - centre) * scale * g + b, left);
    }
  }
}

/* dx = scale (g - mean of g - h mean of g h), with g = gamma dy and h = (x - mean) scale; dx may be dy. Without
 * `centred` the mean is the constant 0, and the mean of g is left out. */
static void kernel_layer_norm_gradient(isize rows, isize n, const float *x, const float *moments, const float *gamma,
                                       int centred, const float *dy, float *dx) {
  for (; rows > 0; rows--, x += n, dy += n, dx += n, moments += 2) {
    const float centre = moments[0], scale = moments[1];
    vf sum = {0}, product = {0};
    for (isize j = 0; j < n; j += VL) {
      const isize left = n - j;
      const vf xj = load_up_to(x + j, left), g = load_up_to(gamma + j, left) * load_up_to(dy + j, left);
      sum += g;
      product += g * (xj - centre);
    }
    const float a = centred ? sum_lanes(sum) / (float)n : 0, b = sum_lanes(product) / (float)n * scale * scale;
    for (isize j = 0; j < n; j += VL) {
      const isize left = n - j;
      const vf xj = load_up_to(x + j, left), g = load_up_to(gamma + j, left) * load_up_to(dy + j, left);
      store_up_to(dx + j, ((g - a) - (xj - centre) * b) * scale, left);
    }
  }
}

INLINE void layer_norm_sums(const int vectors, isize left, isize rows, isize n, const float *x, const float *moments,
                            const float *dy, double *sum, double *product) {
  vw s[ABREAST], p[ABREAST];
  for (int v = 0; v < vectors; v++) s[v] = p[v] = (vw){0};
  for (isize i = 0; i < rows; i++) {
    const double centre = moments[2 * i], scale = moments[2 * i + 1];
    for (int v = 0; v < vectors; v++) {
      const isize at = i * n + v * WL;
      const vw d = load_wide(dy + at, left), h = (load_wide(x + at, left) - centre) * scale;
      s[v] += d;
      p[v] += d * h;
    }
  }
  for (int v = 0; v < vectors; v++) {
    store_wide(sum + v * WL, s[v], left);
    store_wide(product + v * WL, p[v], left);
  }
}

/* sum (n) = sum of dy, product (n) = sum of dy (x - mean) scale over the rows, in double: the gradients of beta and
 * gamma. */
static void kernel_layer_norm_sums(isize rows, isize n, const float *x, const float *moments, const float *dy,
                                   double *sum, double *product) {
#define ROW_SUMS(vectors, left) layer_norm_sums(vectors, left, rows, n, x + j, moments, dy + j, sum + j, product + j)
  EACH_COLUMNS(WL, n, ROW_SUMS);
}

#endif
