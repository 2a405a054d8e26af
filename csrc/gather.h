/* Rows of a user's array into a batch, converted to float32 or to checked labels on the way. order lists the rows;
 * NULL takes them as they come. What is returned is the place of the first bad element within the batch, or -1. */
#ifndef FASTNN_GATHER_H
#define FASTNN_GATHER_H

#include "simd.h"

/* The first of n elements that fails the check, or -1. A distribution's sum is off: the place of its first element. */
INLINE isize first_bad(isize n, const float *y, int check) {
  const float largest = 3.4028234663852886e38f; /* an infinity is beyond it */
  const float high = check == fastnn_finite || check == fastnn_nonnegative ? largest : 1.0f;
  const float low = check == fastnn_finite ? -largest : 0.0f;
  vi bad = {0};
  vf sum = {0};
  for (isize j = 0; j < n; j += VL) {
    vf v = load_up_to(y + j, n - j); /* zeros past the end pass every check */
    bad |= ~((v >= low) & (v <= high));
    sum += v;
  }
  if (any(bad))
    for (isize j = 0; j < n; j++)
      if (!(y[j] >= low && y[j] <= high)) return j;
  return check == fastnn_distribution && __builtin_fabsf(sum_lanes(sum) - 1.0f) > 1e-3f ? 0 : -1;
}

/* The first of n elements that is not -1, 0 or 1, or -1. */
INLINE isize first_unsigned(isize n, const float *y) {
  vi bad = {0};
  for (isize j = 0; j < n; j += VL) {
    const vf v = load_up_to(y + j, n - j); /* zeros past the end pass */
    bad |= ~((absolute(v) == 1.0f) | (v == 0.0f));
  }
  for (isize j = 0; any(bad) && j < n; j++)
    if (!(__builtin_fabsf(y[j]) == 1.0f || y[j] == 0.0f)) return j;
  return -1;
}

/* y = x, n elements, converted. */
INLINE void convert(isize n, const void *x, int type, isize from, float *y) {
  if (type == fastnn_float32) {
    const float *row = (const float *)x + from;
    for (isize j = 0; j < n; j += VL) store_up_to(y + j, load_up_to(row + j, n - j), n - j);
  } else if (type == fastnn_float64) {
    const double *row = (const double *)x + from;
    for (isize j = 0; j < n; j++) y[j] = (float)row[j];
  } else if (type == fastnn_int64) {
    const int64_t *row = (const int64_t *)x + from;
    for (isize j = 0; j < n; j++) y[j] = (float)row[j];
  } else {
    const uint8_t *row = (const uint8_t *)x + from;
    for (isize j = 0; j < n; j++) y[j] = row[j];
  }
}

/* x: (., n) float32, float64, uint8 or int64; y: (rows, n). */
static isize kernel_gather(isize rows, isize n, const void *x, int type, const int64_t *order, int check, float *y) {
  if (!order)
    convert(rows * n, x, type, 0, y);
  else
    for (isize i = 0; i < rows; i++) convert(n, x, type, order[i] * n, y + i * n);
  if (check == fastnn_unchecked) return -1;
  if (check == fastnn_signed) return first_unsigned(rows * n, y);
  if (check != fastnn_distribution) return first_bad(rows * n, y, check);
  for (isize i = 0; i < rows; i++) {
    const isize bad = first_bad(n, y + i * n, check);
    if (bad >= 0) return i * n + bad;
  }
  return -1;
}

/* x: int64, uint8, float32 or float64, one a row; y: (rows). A label outside 0..classes-1 or with a fraction is bad;
 * one that equals `ignore`, NaN for none, becomes -1. */
static isize kernel_gather_labels(isize rows, isize classes, const void *x, int type, const int64_t *order,
                                  double ignore, int32_t *y) {
  for (isize i = 0; i < rows; i++) {
    const isize from = order ? order[i] : i;
    double label;
    if (type == fastnn_int64) {
      const int64_t whole = ((const int64_t *)x)[from];
      label = (whole < 0 || whole >= classes) && (double)whole != ignore ? __builtin_nan("") : (double)whole;
    } else if (type == fastnn_uint8)
      label = ((const uint8_t *)x)[from];
    else
      label = type == fastnn_float32 ? ((const float *)x)[from] : ((const double *)x)[from];
    if (label == ignore) {
      y[i] = -1;
      continue;
    }
    if (!(label >= 0 && label < (double)classes) || label != (double)(int32_t)label) return i;
    y[i] = (int32_t)label;
  }
  return -1;
}

#endif
