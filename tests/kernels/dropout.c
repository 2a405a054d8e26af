/* Dropout, uniform numbers and normal noise, and the random words in them: Philox 4x32-10, Salmon et al. 2011. */
#include <math.h>
#include <string.h>

#include "check.h"

#define GROUP 64 /* elements: word w of counter 16 g + i is that of element 64 g + 16 w + i */

static uint32_t philox_word(uint32_t c[4], uint64_t key, int word) {
  for (int round = 0; round < 10; round++) {
    const uint64_t a = 0xD2511F53u * (uint64_t)c[0], b = 0xCD9E8D57u * (uint64_t)c[2];
    const uint32_t key0 = (uint32_t)key + (uint32_t)round * 0x9E3779B9u;
    const uint32_t key1 = (uint32_t)(key >> 32) + (uint32_t)round * 0xBB67AE85u;
    const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ key0, (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ key1,
                              (uint32_t)a};
    memcpy(c, next, sizeof next);
  }
  return c[word];
}

static uint32_t word_of(isize element, fastnn_random r) {
  uint32_t c[4] = {(uint32_t)(element / GROUP * 16 + element % 16), r.stream, (uint32_t)r.step,
                   (uint32_t)(r.step >> 32)};
  return philox_word(c, r.seed, (int)(element % GROUP / 16));
}

/* The known answers of Random123 (tests/kat_vectors): counter, key, words. A word is the least threshold that drops
 * nothing: with it the element is kept, and with the next it is dropped. */
static void check_known_answers(const fastnn_table *t) {
  static const uint32_t known[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
       0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
       0x24126ea1},
  };
  for (int v = 0; v < 3; v++)
    for (places("known answer %d", v); next_place();) {
      const uint32_t *k = known[v];
      const fastnn_random r = {k[5] * ((uint64_t)1 << 32) | k[4], k[3] * ((uint64_t)1 << 32) | k[2], k[1]};
      float *x = random_floats(GROUP), *y = floats(GROUP);
      for (int word = 0; word < 4; word++) {
        const isize element = 16 * word + k[0] % 16;
        t->dropout(GROUP, (isize)(k[0] / 16) * GROUP, x, k[6 + word], 1, r, y);
        expect(v, word, y[element], x[element], 0);
        t->dropout(GROUP, (isize)(k[0] / 16) * GROUP, x, k[6 + word] + 1, 1, r, y);
        expect(v, word, y[element], 0, 0);
      }
    }
}

void check_dropout(const fastnn_table *t) {
  check_known_answers(t);
  for (isize n = 1; n <= 3 * TAILS; n++)
    for (places("n %td", n); next_place();) {
      const isize first = GROUP * (isize)(random_bits() % 1000);
      const fastnn_random r = {random_bits() * 0x9E3779B97F4A7C15u, random_bits() * 0xBF58476D1CE4E5B9u, random_bits()};
      const uint32_t threshold = n % 10 == 0 ? 0 : n % 10 == 1 ? 0xFFFFFFFFu : random_bits();
      const float scale = uniform(1, 3);
      float *x = random_floats(n), *y = floats(n), *alone = floats(GROUP);
      x[n / 2] = n % 2 ? NAN : INFINITY;
      t->dropout(n, first, x, threshold, scale, r, y);
      for (isize i = 0; i < n; i++) expect(0, i, y[i], word_of(first + i, r) < threshold ? 0 : x[i] * scale, 0);
      for (isize i = 0; i < n; i += GROUP) { /* whatever the share of a thread */
        const isize some = n - i < GROUP ? n - i : GROUP;
        t->dropout(some, first + i, x + i, threshold, scale, r, alone);
        expect_same(i, some, alone, y + i);
      }
      t->dropout(n, first, x, threshold, scale, r, x);
      expect_same(0, n, x, y);
    }
}

/* z of a random word by bisection: erfc(|z| / sqrt 2) is the probability of more, on both sides. */
static double deviate_of(uint32_t word) {
  const double tail = ((word >> 8 & 0x7fffff) + 0.5) / 8388608;
  double low = 0, high = 8;
  for (int i = 0; i < 60; i++) {
    const double z = (low + high) / 2;
    *(erfc(z / sqrt(2)) > tail ? &low : &high) = z;
  }
  return word >> 31 ? -low : low;
}

void check_gaussian_noise(const fastnn_table *t) {
  for (isize n = 1; n <= 3 * TAILS; n++)
    for (places("n %td", n); next_place();) {
      const isize first = GROUP * (isize)(random_bits() % 1000);
      const fastnn_random r = {random_bits() * 0x9E3779B97F4A7C15u, random_bits() * 0xBF58476D1CE4E5B9u, random_bits()};
      const float deviation = uniform(0.1, 2);
      float *x = random_floats(n), *y = floats(n), *alone = floats(GROUP);
      x[n / 2] = n % 2 ? NAN : INFINITY;
      t->gaussian_noise(n, first, x, deviation, r, y);
      for (isize i = 0; i < n; i++) {
        const double z = deviation * deviate_of(word_of(first + i, r));
        expect(0, i, y[i], x[i] + z, 1e-6 * fabs(z) + 2 * UNIT * (fabs(x[i]) + fabs(z)));
      }
      for (isize i = 0; i < n; i += GROUP) {
        const isize some = n - i < GROUP ? n - i : GROUP;
        t->gaussian_noise(some, first + i, x + i, deviation, r, alone);
        expect_same(i, some, alone, y + i);
      }
      t->gaussian_noise(n, first, x, deviation, r, x);
      expect_same(0, n, x, y);
    }
}

void check_gaussian_sample(const fastnn_table *t) {
  for (isize n = 1; n <= 3 * TAILS; n++)
    for (places("n %td", n); next_place();) {
      const isize first = GROUP * (isize)(random_bits() % 1000);
      const fastnn_random r = {random_bits() * 0x9E3779B97F4A7C15u, random_bits() * 0xBF58476D1CE4E5B9u, random_bits()};
      float *mean = random_floats(n), *s = random_floats(n), *z = floats(n), *alone = floats(GROUP);
      mean[n / 2] = n % 2 ? NAN : INFINITY;
      t->gaussian_sample(n, first, mean, s, r, z);
      for (isize i = 0; i < n; i++) {
        const double e = exp(0.5 * s[i]) * deviate_of(word_of(first + i, r));
        expect(0, i, z[i], mean[i] + e, 2e-6 * fabs(e) + 2 * UNIT * (fabs(mean[i]) + fabs(e)));
      }
      for (isize i = 0; i < n; i += GROUP) {
        const isize some = n - i < GROUP ? n - i : GROUP;
        t->gaussian_sample(some, first + i, mean + i, s + i, r, alone);
        expect_same(i, some, alone, z + i);
      }
    }
}

void check_gaussian_sample_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= 3 * TAILS; n++)
    for (places("n %td", n); next_place();) {
      const isize first = GROUP * (isize)(random_bits() % 1000);
      const fastnn_random r = {random_bits() * 0x9E3779B97F4A7C15u, random_bits() * 0xBF58476D1CE4E5B9u, random_bits()};
      float *mean = random_floats(n), *s = random_floats(n), *dz = random_floats(n), *dm = floats(n), *ds = floats(n);
      for (int sampled = 0; sampled < 2; sampled++) {
        t->gaussian_sample_gradient(n, first, mean, s, dz, 0.3f, sampled ? &r : NULL, dm, ds);
        for (isize i = 0; i < n; i++) {
          const double e = sampled ? dz[i] * exp(0.5 * s[i]) * deviate_of(word_of(first + i, r)) / 2 : 0;
          const double slope = (double)0.3f * (exp(s[i]) - 1) / 2;
          expect(0, i, dm[i], dz[i] + (double)0.3f * mean[i], 4 * UNIT * (fabs(dz[i]) + fabs(mean[i])));
          expect(0, i, ds[i], e + slope, 2e-6 * (fabs(e) + exp(s[i]) + 1));
        }
      }
    }
}

void check_normal_divergence(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *mean = random_floats(n), *s = random_floats(n);
      double expected = 0, scale = 0;
      for (isize i = 0; i < n; i++) {
        expected += (exp(s[i]) + (double)mean[i] * mean[i] - 1 - s[i]) / 2;
        scale += exp(s[i]) + 1 + fabs(s[i]);
      }
      expect(0, 0, returned(t->normal_divergence(n, mean, s)), expected, 4 * UNIT * scale);
    }
}

void check_uniform(const fastnn_table *t) {
  for (isize n = 1; n <= 3 * TAILS; n++)
    for (places("n %td", n); next_place();) {
      const isize first = GROUP * (isize)(random_bits() % 1000);
      const fastnn_random r = {random_bits() * 0x9E3779B97F4A7C15u, random_bits() * 0xBF58476D1CE4E5B9u, random_bits()};
      float *y = floats(n);
      t->uniform(n, first, r, y);
      for (isize i = 0; i < n; i++) expect(0, i, y[i], floor(word_of(first + i, r) / 256.0) / 16777216, 0);
    }
}
