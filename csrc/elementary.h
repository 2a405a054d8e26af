/* exp, log, erf, tanh, sigmoid and related functions on vectors. NaN in, NaN out; infinities and limits exact;
 * subnormal results kept. Error bounds, asserted over all floats by `make sweep`, in units in the last place: exp, log
 * 1.5, erf 3, sigmoid 3, tanh 2.
 * Sources: Cody & Waite 1980 for the range reduction; the polynomials of Cephes' expf, logf and tanhf. */
#ifndef FASTNN_ELEMENTARY_H
#define FASTNN_ELEMENTARY_H

#include "simd.h"

/* exp(x) = 2^n exp(r), n = round(x / ln 2), r = x - n ln 2, |r| <= ln 2 / 2. */
INLINE vf nearest_power(vf x) {
  const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
  return (x * 1.44269504088896341f + magic) - magic;
}
INLINE vf less_power(vf x, vf n) {
  const vf r = x - n * 0.693359375f;
  return r - n * -2.12194440e-4f;
}

/* exp(r) - 1 for |r| <= ln 2 / 2. */
INLINE vf expm1_near(vf r) {
  vf p = broadcast(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p * (r * r) + r;
}

/* exp(r), and n. */
INLINE vf exp_reduced(vf x, vf *n) {
  *n = nearest_power(x);
  return expm1_near(less_power(x, *n)) + 1.0f;
}

INLINE vf exp_vector(vf x) {
  vf n;
  const vf p = exp_reduced(greatest(broadcast(-104.0f), least(broadcast(89.0f), x)), &n);
  return times_power(p, n);
}

/* exp(x) for 0 <= x < 89, or NaN, in fewer instructions. */
INLINE vf exp_of_positive(vf x) {
  vf n;
  const vf p = exp_reduced(x, &n);
  return p * power(n);
}

/* exp(x) for x <= 1, or NaN, in fewer instructions; 0 below -87. */
INLINE vf exp_of_negative(vf x) {
  vf n;
  const vf p = exp_reduced(greatest(broadcast(-88.0f), x), &n);
  return choose(x < -87.0f, (vf){0}, p * power(n));
}

/* exp(x) - 1 for x <= 0; a positive x is treated as 0. */
INLINE vf expm1_of_negative(vf x) {
  const vf within = greatest(broadcast(-30.0f), least(broadcast(0.0f), x)), n = nearest_power(within), scale = power(n);
  return expm1_near(less_power(within, n)) * scale + (scale - 1.0f);
}

/* p and n with exp(-x^2 / 2) = 2^n p, |x| < 17. One float would round x^2 by up to 60 units of the result; here the
 * square of its upper half is exact, and so is the remainder, except for its own rounding. */
INLINE vf gaussian_reduced(vf x, vf *n) {
  const vf upper = (vf)((vi)x & (int32_t)0xfffff000), high = upper * upper * -0.5f;
  const vf low = (x - upper) * (x + upper) * -0.5f;
  *n = nearest_power(high + low);
  return expm1_near(less_power(high, *n) + low) + 1.0f;
}

/* exp(x^2 / 2) Phi(-x) for 0 <= x <= 15, Phi the normal distribution. A minimax rational function, error 1e-8. */
INLINE vf scaled_tail(vf x) {
  vf p = broadcast(4.12557693e-3f), q = broadcast(1.0341174e-2f);
  p = p * x + 4.07103822e-2f;
  p = p * x + 1.83485165e-1f;
  p = p * x + 4.38665509e-1f;
  p = p * x + 0.5f;
  q = q * x + 1.02052018e-1f;
  q = q * x + 4.70124096e-1f;
  q = q * x + 1.20359516f;
  q = q * x + 1.67521584f;
  q = q * x + 1.0f;
  return p / q;
}

/* x with the sign of y, x >= 0. */
INLINE vf with_sign(vf x, vf y) { return (vf)((vi)x | ((vi)y & (int32_t)0x80000000)); }

/* An odd polynomial near zero (minimax, 6e-9), 1 - 2 Phi(-sqrt 2 x) elsewhere. */
INLINE vf erf_vector(vf x) {
  const vf a = least(broadcast(4.0f), absolute(x)), z = a * a;
  vf n, p = broadcast(-6.31514005e-4f);
  p = p * z + 5.0510969e-3f;
  p = p * z - 2.68025491e-2f;
  p = p * z + 1.12827174e-1f;
  p = p * z - 3.76125723e-1f;
  p = p * z + 1.12837911f;
  const vf e = exp_reduced(-z, &n);
  return with_sign(choose(a < 0.85f, p * a, 1.0f - 2.0f * e * power(n) * scaled_tail(a * 1.41421356f)), x);
}

/* log(2^exponent (1 + m)), sqrt(1/2) <= 1 + m < sqrt(2). */
INLINE vf log_reduced(vf m, vf exponent) {
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
  return (m + y) + exponent * 0.693359375f;
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
  vf y = log_reduced(choose(small, m + m, m) - 1.0f, exponent);
  const float infinity = __builtin_inff(), nan = __builtin_nanf("");
  y = choose(x == infinity, x, y);
  y = choose(x == 0.0f, broadcast(-infinity), y);
  y = choose(x < 0.0f, broadcast(nan), y);
  return choose(x == x, y, x);
}

/* log(1 + x) for 0 <= x <= 1. */
INLINE vf log1p_of_unit(vf x) {
  const vi large = x > 0.414213562f;
  return log_reduced(choose(large, 0.5f * (x - 1.0f), x), choose(large, broadcast(1.0f), (vf){0}));
}

/* 1 / (1 + exp(-x)), from exp(-|x|) <= 1, so that small results keep their precision. */
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
  return with_sign(choose(a < 0.625f, near, far), x);
}

static void kernel_exp(isize n, const float *x, float *y) {
  for (isize i = 0; i < n; i += VL) store_up_to(y + i, exp_vector(load_up_to(x + i, n - i)), n - i);
}

static void kernel_log(isize n, const float *x, float *y) {
  for (isize i = 0; i < n; i += VL) store_up_to(y + i, log_vector(load_up_to(x + i, n - i)), n - i);
}

static void kernel_erf(isize n, const float *x, float *y) {
  for (isize i = 0; i < n; i += VL) store_up_to(y + i, erf_vector(load_up_to(x + i, n - i)), n - i);
}

#endif
