/* The vectors of each instruction set: the only file that depends on it. A kernel is written over vf (VL floats), vi
 * (VL int32) and the operations below, in GCC/Clang vector extensions, so that its source is the same for all. */
#ifndef FASTNN_SIMD_H
#define FASTNN_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline, unused))
#define VL (VECTOR_BYTES / 4)

typedef float vf __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t vi __attribute__((vector_size(VECTOR_BYTES)));
typedef float vf_unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

/* x - 0 and not 0 + x: the latter costs an instruction, because -0 + 0 is not -0. */
INLINE vf broadcast(float x) { return x - (vf){0}; }

INLINE vf load(const float *p) { return *(const vf_unaligned *)p; }
INLINE void store(float *p, vf x) { *(vf_unaligned *)p = x; }

/* The first n lanes (0 < n < VL), the others zero; memory past them is not touched. */
INLINE vf load_part(const float *p, isize n) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
  static const int32_t lanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  return (vf)_mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(lanes + 8 - n)));
#elif VECTOR_BYTES == 16
  return (vf){p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0}; /* a loop would become a call to memcpy */
#else
  vf x = {0};
  for (isize i = 0; i < n; i++) x[i] = p[i];
  return x;
#endif
}

INLINE void store_part(float *p, vf x, isize n) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
  static const int32_t lanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  _mm256_maskstore_ps(p, _mm256_loadu_si256((const __m256i *)(lanes + 8 - n)), (__m256)x);
#else
  float lanes[VL]; /* or clang recomputes x lane by lane, and may round it differently from a whole vector */
  store(lanes, x);
  for (isize i = 0; i < n; i++) p[i] = lanes[i];
#endif
}

/* A vector from a row with n > 0 floats left: a whole one where possible. */
INLINE vf load_up_to(const float *p, isize n) { return n >= VL ? load(p) : load_part(p, n); }
INLINE void store_up_to(float *p, vf x, isize n) {
  if (n >= VL)
    store(p, x);
  else
    store_part(p, x, n);
}

/* mask ? a : b, with a mask from a comparison (all ones or all zeros in each lane). */
INLINE vf choose(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
INLINE vf absolute(vf x) { return (vf)((vi)x & 0x7fffffff); }

/* -1, 0, 1 or NaN. */
INLINE vf sign(vf x) { return choose(x > 0, broadcast(1), choose(x < 0, broadcast(-1), x)); }

/* b where either is NaN: with the data as b, NaN propagates. */
INLINE vf least(vf a, vf b) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#else
  return choose(a < b, a, b);
#endif
}
INLINE vf greatest(vf a, vf b) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#else
  return choose(a > b, a, b);
#endif
}

/* 2^n for integer -127 < n < 128; unspecified for NaN. */
INLINE vf power(vf n) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vf)_mm512_scalef_ps((__m512)broadcast(1), (__m512)n);
#else
  return (vf)((__builtin_convertvector(n, vi) + 127) << 23);
#endif
}

/* 2^n p, n an integer: in two steps where no single instruction does it, so that neither overflows and a tiny result is
 * rounded once. */
INLINE vf times_power(vf p, vf n) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
  vi i = __builtin_convertvector(choose(n == n, n, (vf){0}), vi);
  vi low = i >> 1;
  return p * (vf)((low + 127) << 23) * (vf)((i - low + 127) << 23);
#endif
}

/* Lane numbers 0, 1, 2, ... below n. */
INLINE vi lanes_below(isize n) {
  vi i;
  for (int l = 0; l < VL; l++) i[l] = l;
  return i < (int32_t)(n < VL ? n : VL);
}

INLINE int any(vi mask) {
  int32_t bits = 0;
  for (int l = 0; l < VL; l++) bits |= mask[l];
  return bits != 0;
}

/* x, kept in a register: otherwise compilers reload it from memory for each use. */
INLINE vf held(vf x) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  __asm__("" : "+v"(x));
#elif (VECTOR_BYTES == 32 && defined(__AVX2__)) || (VECTOR_BYTES == 16 && defined(__SSE2__))
  __asm__("" : "+x"(x));
#endif
  return x;
}

/* Lane i of the result is lane places[i] of x. */
INLINE vf permute(vf x, vi places) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vf)_mm512_permutexvar_ps((__m512i)places, (__m512)x);
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
  return (vf)_mm256_permutevar8x32_ps((__m256)x, (__m256i)places);
#else
  vf y;
  for (int l = 0; l < VL; l++) y[l] = x[places[l]];
  return y;
#endif
}

/* All lanes combined in one fixed order, halving the vector each time. */
#define FOLD(name, vector, scalar, count, combined) \
  INLINE scalar name(vector x) {                    \
    scalar s[count];                                \
    memcpy(s, &x, sizeof s);                        \
    for (int half = count / 2; half; half /= 2)     \
      for (int l = 0; l < half; l++) {              \
        const scalar a = s[l], b = s[l + half];     \
        s[l] = combined;                            \
      }                                             \
    return s[0];                                    \
  }
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
/* The first halves with intrinsics; otherwise compilers go through memory. */
typedef float half_vf __attribute__((vector_size(32)));
FOLD(sum_half, half_vf, float, 8, a + b)
FOLD(greatest_half, half_vf, float, 8, a < b ? b : a)
INLINE half_vf upper(vf x) { return (half_vf)_mm512_extractf64x4_pd((__m512d)x, 1); }
INLINE half_vf lower(vf x) { return (half_vf)_mm512_castps512_ps256((__m512)x); }
INLINE float sum_lanes(vf x) { return sum_half(lower(x) + upper(x)); }
INLINE float greatest_lane(vf x) {
  const half_vf a = lower(x), b = upper(x);
  typedef int32_t mask __attribute__((vector_size(32)));
  const mask less = a < b;
  return greatest_half((half_vf)((less & (mask)b) | (~less & (mask)a)));
}
#else
FOLD(sum_lanes, vf, float, VL, a + b)
FOLD(greatest_lane, vf, float, VL, a < b ? b : a)
#endif

typedef float f4 __attribute__((vector_size(16), aligned(4), may_alias));
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE4(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define SHUFFLE4(a, b, i, j, k, l) __builtin_shuffle(a, b, (int32_t __attribute__((vector_size(16)))){i, j, k, l})
#endif

/* Four lanes, which are sums of the others by halves, as in sum_lanes. */
INLINE f4 sum_to_4(vf x) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  const __m256 half = (__m256)(lower(x) + upper(x));
  return (f4)_mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
  return (f4)_mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));
#else
  float s[VL];
  memcpy(s, &x, sizeof s);
  for (int half = VL / 2; half >= 4; half /= 2)
    for (int l = 0; l < half; l++) s[l] += s[l + half];
  return *(const f4 *)s;
#endif
}

/* Four floats at x, at x + stride, and so on: as many as fit into a vector. */
INLINE vf load_fours(const float *x, isize stride) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  __m512 y = _mm512_castps128_ps512(_mm_loadu_ps(x));
  y = _mm512_insertf32x4(y, _mm_loadu_ps(x + stride), 1);
  y = _mm512_insertf32x4(y, _mm_loadu_ps(x + 2 * stride), 2);
  return (vf)_mm512_insertf32x4(y, _mm_loadu_ps(x + 3 * stride), 3);
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
  return (vf)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)), _mm_loadu_ps(x + stride), 1);
#else
  float y[VL];
  for (isize i = 0; i < VL; i += 4) memcpy(y + i, x + i / 4 * stride, 4 * sizeof *y);
  return load(y);
#endif
}

/* y = sum_lanes of each. */
INLINE void sum_lanes_of_4(vf a, vf b, vf c, vf d, float *y) {
  const f4 p = sum_to_4(a), q = sum_to_4(b), r = sum_to_4(c), s = sum_to_4(d);
  const f4 x = SHUFFLE4(p, q, 0, 4, 1, 5) + SHUFFLE4(p, q, 2, 6, 3, 7);
  const f4 z = SHUFFLE4(r, s, 0, 4, 1, 5) + SHUFFLE4(r, s, 2, 6, 3, 7);
  *(f4 *)y = SHUFFLE4(x, z, 0, 1, 4, 5) + SHUFFLE4(x, z, 2, 3, 6, 7);
}

/* VL bytes, of which n > 0 are valid, as int32; the other lanes are zero. */
INLINE vi load_bytes(const uint8_t *p, isize n) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vi)_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8((__mmask16)(n < VL ? (1u << n) - 1 : 0xffff), p));
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
  uint64_t bits = 0;
  if (n < VL)
    for (isize i = 0; i < n; i++) bits |= (uint64_t)p[i] << 8 * i;
  else
    memcpy(&bits, p, sizeof bits);
  return (vi)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)bits));
#else
  vi x = {0};
  for (isize i = 0; i < (n < VL ? n : VL); i++) x[i] = p[i];
  return x;
#endif
}
INLINE void store_bytes(uint8_t *p, vi x, isize n) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  _mm512_mask_cvtepi32_storeu_epi8(p, (__mmask16)(n < VL ? (1u << n) - 1 : 0xffff), (__m512i)x);
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
  const __m256i lowest = _mm256_set1_epi64x(0x0c080400); /* lowest byte of each lane, to the front of its half */
  const __m256i halves = _mm256_shuffle_epi8((__m256i)x, lowest);
  const uint32_t low = (uint32_t)_mm256_extract_epi32(halves, 0), high = (uint32_t)_mm256_extract_epi32(halves, 4);
  const uint64_t bits = low | (uint64_t)high << 32;
  if (n < VL)
    for (isize i = 0; i < n; i++) p[i] = (uint8_t)(bits >> 8 * i);
  else
    memcpy(p, &bits, sizeof bits);
#else
  for (isize i = 0; i < (n < VL ? n : VL); i++) p[i] = (uint8_t)x[i];
#endif
}

/* Doubles in one register: WL floats widened, of which n > 0 are valid; the other lanes are zero. */
#define WL (VL / 2)
typedef double vw __attribute__((vector_size(VECTOR_BYTES)));
typedef float half_lanes __attribute__((vector_size(VECTOR_BYTES / 2)));
INLINE vw load_wide(const float *p, isize n) {
  half_lanes x = {0};
  if (n < WL)
    for (isize i = 0; i < n; i++) x[i] = p[i];
  else
    memcpy(&x, p, sizeof x);
#if VECTOR_BYTES == 64 && defined(__AVX512F__) /* with an intrinsic: compilers split x into halves */
  return (vw)_mm512_cvtps_pd((__m256)x);
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
  return (vw)_mm256_cvtps_pd((__m128)x);
#else
  return __builtin_convertvector(x, vw);
#endif
}
INLINE void store_wide(double *p, vw x, isize n) { memcpy(p, &x, (size_t)(n < WL ? n : WL) * sizeof *p); }

INLINE void store_narrow(float *p, vw x, isize n) {
  const half_lanes y = __builtin_convertvector(x, half_lanes);
  memcpy(p, &y, (size_t)(n < WL ? n : WL) * sizeof *p);
}

/* A vector's doubles, in two registers: a single vector of all would be spilled to the stack. */
typedef struct {
  vw low, high;
} vd;
INLINE vd widen(vf x) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vd){(vw)_mm512_cvtps_pd((__m256)lower(x)), (vw)_mm512_cvtps_pd((__m256)upper(x))};
#else
  half_lanes low, high;
  memcpy(&low, &x, sizeof low);
  memcpy(&high, (const char *)&x + sizeof low, sizeof high);
  return (vd){__builtin_convertvector(low, vw), __builtin_convertvector(high, vw)};
#endif
}
INLINE vf narrow(vd x) {
  const half_lanes low = __builtin_convertvector(x.low, half_lanes), high = __builtin_convertvector(x.high, half_lanes);
  vf y;
  memcpy(&y, &low, sizeof low);
  memcpy((char *)&y + sizeof low, &high, sizeof high);
  return y;
}
/* a + x, and a + x y */
INLINE vd plus(vd a, vd x) { return (vd){a.low + x.low, a.high + x.high}; }
INLINE vd plus_product(vd a, vd x, vd y) { return (vd){a.low + x.low * y.low, a.high + x.high * y.high}; }
FOLD(sum_lanes_wide, vw, double, WL, a + b)
INLINE double sum_lanes_double(vd x) { return sum_lanes_wide(x.low + x.high); }

INLINE vf square_root(vf x) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vf)_mm512_sqrt_ps((__m512)x);
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
  return (vf)_mm256_sqrt_ps((__m256)x);
#else
  for (int l = 0; l < VL; l++) x[l] = __builtin_sqrtf(x[l]);
  return x;
#endif
}

#endif
