/* Counter-based random numbers, and dropout. The same call on dy is the gradient: the mask is redrawn, not stored. */
#ifndef FASTNN_DROPOUT_H
#define FASTNN_DROPOUT_H

#include "simd.h"

/* Elements are numbered in groups of 64: words 0..3 of 16 counters, word by word. */
#define COUNTERS 16
#define GROUP (4 * COUNTERS)

/* 64 random words of group number `group`. Philox 4x32-10, Salmon et al. 2011, section 4.3. */
static void philox(fastnn_random r, uint64_t group, uint32_t words[GROUP]) {
  uint32_t *c[4] = {words, words + COUNTERS, words + 2 * COUNTERS, words + 3 * COUNTERS};
  for (int i = 0; i < COUNTERS; i++) {
    c[0][i] = (uint32_t)(group * COUNTERS + (uint64_t)i);
    c[1][i] = r.stream;
    c[2][i] = (uint32_t)r.step;
    c[3][i] = (uint32_t)(r.step >> 32);
  }
  uint32_t key0 = (uint32_t)r.seed, key1 = (uint32_t)(r.seed >> 32);
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < COUNTERS; i++) {
      const uint64_t low = 0xD2511F53u * (uint64_t)c[0][i], high = 0xCD9E8D57u * (uint64_t)c[2][i];
      const uint32_t c1 = c[1][i], c3 = c[3][i];
      c[0][i] = (uint32_t)(high >> 32) ^ c1 ^ key0;
      c[1][i] = (uint32_t)high;
      c[2][i] = (uint32_t)(low >> 32) ^ c3 ^ key1;
      c[3][i] = (uint32_t)low;
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

/* y = x * scale where the element's random word is >= threshold, else 0; x, y: elements first..first+n-1 of a layer's
 * output, first a multiple of 64. y may be x. Srivastava et al. 2014, scaled in training. */
static void kernel_dropout(isize n, isize first, const float *x, uint32_t threshold, float scale, fastnn_random r,
                           float *y) {
  uint32_t words[GROUP];
  for (isize i = 0; i < n; i += GROUP) {
    philox(r, (uint64_t)(first + i) / GROUP, words);
    const isize left = n - i < GROUP ? n - i : GROUP;
    for (isize j = 0; j < left; j++) y[i + j] = words[j] < threshold ? 0.0f : x[i + j] * scale;
  }
}

#endif
