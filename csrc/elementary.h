/* exp, log, tanh and sigmoid on vectors. NaN in, NaN out; infinities and limits exact; subnormal results kept.
 * Error bounds, asserted over all floats by `make sweep`, in units in the last place: exp, log 1.5, sigmoid 3, tanh 2.
 * Sources: Cody & Waite 1980 for the range reduction; the polynomials of Cephes' expf, logf and tanhf. */
#ifndef FASTNN_ELEMENTARY_H
#define FASTNN_ELEMENTARY_H

#include "simd.h"

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2: exp(r), and n. */
INLINE vf exp_reduced(vf x, vf *whole) {
  const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
  const vf n = *whole = (x * 1.44269504088896341f + magic) - magic;
  vf r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vf p = broadcast(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p * (r * r) + r + 1.0f;
}

/* 2^n is applied in two steps, so that neither overflows. */
INLINE vf exp_vector(vf x) {
  vf n;
  x = greatest(broadcast(-104.0f), least(broadcast(89.0f), x));
  const vf p = exp_reduced(x, &n);
  vi i = __builtin_convertvector(choose(x == x, n, (vf){0}), vi);
  vi low = i >> 1;
  return p * (vf)((low + 127) << 23) * (vf)((i - low + 127) << 23);
}

/* The same for 0 <= x < 89, or NaN, in fewer instructions. */
INLINE vf exp_of_positive(vf x) {
  vf n;
  const vf p = exp_reduced(x, &n);
  return p * (vf)((__builtin_convertvector(n, vi) + 127) << 23);
}

/* log(x) = e ln 2 + log(m), x = 2^e m, sqrt(1/2) <= m < sqrt(2). Negative x gives NaN, zero -inf. */
INLINE vf log_vector(vf x) {
  vi tiny = x < 1.17549435e-38f;
  vf scaled = choose(tiny, x * 8388608.0f, x);
  vi bits = (vi)scaled;
  vi e = ((bits >> 23) & 0xff) - 126;
  vf m = (vf)((bits & 0x007fffff) | 0x3f000000);
  vi small = m < 0.707106781186547524f;
  vf exponent = __builtin_convertvector(e + small - (tiny & 23), vf);
  m = choose(small, m + m, m) - 1.0f;
  vf z = m * m;
  vf p = broadcast(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  vf y = p * m * z;
  y = y + exponent * -2.12194440e-4f;
  y = y - 0.5f * z;
  y = (m + y) + exponent * 0.693359375f;
  const float infinity = __builtin_inff(), nan = __builtin_nanf("");
  y = choose(x == infinity, x, y);
  y = choose(x == 0.0f, broadcast(-infinity), y);
  y = choose(x < 0.0f, broadcast(nan), y);
  return choose(x == x, y, x);
}

/* 1 / (1 + exp(-x)), from exp(-|x|) <= 1, so that small results keep their digits. */
INLINE vf sigmoid_vector(vf x) {
  vf e = exp_vector(-absolute(x));
  return choose(x < 0.0f, e, broadcast(1.0f)) / (1.0f + e);
}

/* An odd polynomial near zero, 1 - 2 / (exp(2|x|) + 1) elsewhere. */
INLINE vf tanh_vector(vf x) {
  vf a = absolute(x);
  vf z = x * x;
  vf p = broadcast(-5.70498872745e-3f);
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  vf near = p * z * a + a;
  vf far = 1.0f - 2.0f / (exp_of_positive(least(broadcast(40.0f), a + a)) + 1.0f);
  return (vf)((vi)choose(a < 0.625f, near, far) | ((vi)x & (int32_t)0x80000000));
}

static void kernel_exp(isize n, const float *x, float *y) {
  for (isize i = 0; i < n; i += VL) store_up_to(y + i, exp_vector(load_up_to(x + i, n - i)), n - i);
}

static void kernel_log(isize n, const float *x, float *y) {
  for (isize i = 0; i < n; i += VL) store_up_to(y + i, log_vector(load_up_to(x + i, n - i)), n - i);
}

#endif
