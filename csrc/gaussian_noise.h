/* Gaussian noise, from the same random words as dropout. */
#ifndef FASTNN_GAUSSIAN_NOISE_H
#define FASTNN_GAUSSIAN_NOISE_H

#include "dropout.h"
#include "elementary.h"

/* The deviate of a word, z = sqrt(2) erfinv(1 - t), with relative error 1e-6: bit 31 is its sign, and t, (bits 8 to
 * 30 + 1/2) / 2^23, the probability of a larger |z| <= 5.4. Giles 2010, Approximating the erfinv function. */
INLINE vf normal_deviate(vi word) {
  const vf t = (__builtin_convertvector((word >> 8) & 0x7fffff, vf) + 0.5f) * 0x1p-23f;
  const vf w = -log_vector(t * (2.0f - t));
  const vf near = w - 2.5f, far = square_root(w) - 3.0f;
  vf p = broadcast(2.81022636e-8f), q = broadcast(-2.00214257e-4f);
  p = p * near + 3.43273939e-7f, q = q * far + 1.00950558e-4f;
  p = p * near - 3.5233877e-6f, q = q * far + 1.34934322e-3f;
  p = p * near - 4.39150654e-6f, q = q * far - 3.67342844e-3f;
  p = p * near + 2.1858087e-4f, q = q * far + 5.73950773e-3f;
  p = p * near - 1.25372503e-3f, q = q * far - 7.6224613e-3f;
  p = p * near - 4.17768164e-3f, q = q * far + 9.43887047e-3f;
  p = p * near + 2.46640727e-1f, q = q * far + 1.00167406f;
  p = p * near + 1.50140941f, q = q * far + 2.83297682f;
  const vf z = choose(w < 5.0f, p, q) * (1.0f - t) * 1.41421356f;
  return (vf)((vi)z | (word & (int32_t)0x80000000));
}

/* y = x + deviation z, z the normal deviate of the element's random word; x, y: elements first..first+n-1 of a layer's
 * output, first a multiple of 64. y may be x. */
static void kernel_gaussian_noise(isize n, isize first, const float *x, float deviation, fastnn_random r, float *y) {
  uint32_t words[GROUP];
  for (isize i = 0; i < n; i += GROUP) {
    philox(r, (uint64_t)(first + i) / GROUP, words);
    const isize left = n - i < GROUP ? n - i : GROUP;
    for (isize j = 0; j < left; j += VL) {
      vi word;
      memcpy(&word, words + j, sizeof word);
      const vf xj = load_up_to(x + i + j, left - j);
      store_up_to(y + i + j, xj + deviation * normal_deviate(word), left - j);
    }
  }
}

#endif
