/* Samples of normal distributions as functions of their parameters, and the divergence from the standard normal one:
 * Kingma & Welling 2014, section 2.4 and appendix B. s is the logarithm of the variance. */
#ifndef FASTNN_GAUSSIAN_SAMPLE_H
#define FASTNN_GAUSSIAN_SAMPLE_H

#include "gaussian_noise.h"

INLINE vf random_deviate(const uint32_t *words) {
  vi word;
  memcpy(&word, words, sizeof word);
  return normal_deviate(word);
}

/* z = mean + exp(s / 2) e, e the normal deviate of the element's random word; elements first..first+n-1 of a layer's
 * output, first a multiple of 64. */
static void kernel_gaussian_sample(isize n, isize first, const float *mean, const float *s, fastnn_random r, float *z) {
  uint32_t words[GROUP];
  for (isize i = 0; i < n; i += GROUP) {
    philox(r, (uint64_t)(first + i) / GROUP, words);
    for (isize j = i; j < i + GROUP && j < n; j += VL) {
      const vf e = random_deviate(words + j - i), deviation = exp_vector(0.5f * load_up_to(s + j, n - j));
      store_up_to(z + j, load_up_to(mean + j, n - j) + deviation * e, n - j);
    }
  }
}

/* dmean = dz + share mean, ds = dz exp(s / 2) e / 2 + share (exp(s) - 1) / 2, e redrawn, or 0 where r is NULL: the
 * gradients through the sample, and share times those of the divergence. */
static void kernel_gaussian_sample_gradient(isize n, isize first, const float *mean, const float *s, const float *dz,
                                            float share, const fastnn_random *r, float *dmean, float *ds) {
  uint32_t words[GROUP];
  for (isize i = 0; i < n; i += GROUP) {
    if (r) philox(*r, (uint64_t)(first + i) / GROUP, words);
    for (isize j = i; j < i + GROUP && j < n; j += VL) {
      const isize left = n - j;
      const vf d = load_up_to(dz + j, left), deviation = exp_vector(0.5f * load_up_to(s + j, left));
      const vf e = r ? random_deviate(words + j - i) : (vf){0};
      store_up_to(dmean + j, d + share * load_up_to(mean + j, left), left);
      store_up_to(ds + j, 0.5f * (d * deviation * e + share * (deviation * deviation - 1.0f)), left);
    }
  }
}

/* The sum of (exp(s) + mean^2 - 1 - s) / 2 over n elements, in double. */
static double kernel_normal_divergence(isize n, const float *mean, const float *s) {
  vd sum = {{0}, {0}};
  for (isize i = 0; i < n; i += VL) { /* elements past the end are 0, and so is their divergence */
    const vf m = load_up_to(mean + i, n - i), si = load_up_to(s + i, n - i);
    sum = plus(sum, widen(exp_vector(si) - 1.0f - si));
    sum = plus_product(sum, widen(m), widen(m));
  }
  return 0.5 * sum_lanes_double(sum);
}

#endif
