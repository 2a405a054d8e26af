/* Gathers rows of a user's array into a batch, converted to float32 or to checked labels: those from `first` on, or
 * those listed in order[first..]. Returns the position of the first bad element within the batch, or -1. */
#ifndef FASTNN_GATHER_H
#define FASTNN_GATHER_H

#include "simd.h"

/* The first of n elements that fails the check, or -1. For a distribution with a wrong sum: its first element. */
INLINE isize first_bad(isize n, const float *y, int check) {
  const float largest = 3.4028234663852886e38f; /* an infinity is above it */
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

/* IEEE 754 binary16. A subnormal is computed as a product, because a subnormal float32 may be flushed to 0. */
INLINE float from_half(uint16_t half) {
  const uint32_t exponent = half & 0x7c00u;
  const float subnormal = (float)(half & 0x3ff) * 0x1p-24f;
  uint32_t bits;
  memcpy(&bits, &subnormal, 4);
  const uint32_t normal = ((half & 0x7fffu) << 13) + (exponent == 0x7c00u ? 224u << 23 : 112u << 23);
  bits = (exponent ? normal : bits) | (half & 0x8000u) << 16;
  float y;
  memcpy(&y, &bits, 4);
  return y;
}

/* y = x, n contiguous elements, converted. */
typedef void converter(isize n, const char *x, float *y);

#define CONVERTER(name, type, number)                                 \
  static void convert_##name(isize n, const char *x, float *y) {      \
    const type *element = (const type *)x;                            \
    for (isize j = 0; j < n; j++) y[j] = (float)(number(element[j])); \
  }
FASTNN_TYPES(CONVERTER)
#undef CONVERTER

static converter *const converters[] = {
#define CONVERTER(name, type, number) convert_##name,
    FASTNN_TYPES(CONVERTER)
#undef CONVERTER
};

/* The same for any type; float32 is copied without a call, which would cost as much as a small row. */
INLINE void convert(isize n, const char *x, int type, float *y) {
  if (type == fastnn_float32)
    for (isize j = 0; j < n; j += VL) store_up_to(y + j, load_up_to((const float *)x + j, n - j), n - j);
  else
    converters[type](n, x, y);
}

static const isize sizes[] = {
#define SIZE(name, type, number) sizeof(type),
    FASTNN_TYPES(SIZE)
#undef SIZE
};

/* An element as a double, which holds all but large integers exactly: those are rounded to other large ones. */
INLINE double number_at(const char *x, int type) {
  switch (type) {
#define CASE(name, type, number) \
  case fastnn_##name:            \
    return (double)(number(*(const type *)x));
    FASTNN_TYPES(CASE)
#undef CASE
  }
  return __builtin_nan("");
}

INLINE int follow_one_another(const fastnn_array *x) { return !x->element && !x->swapped; }

#define COLLECTOR(bits)                                                                                       \
  INLINE void collect_##bits(isize n, const char *row, const isize *element, isize j, int swapped, char *y) { \
    for (isize i = 0; i < n; i++) {                                                                           \
      uint##bits##_t x;                                                                                       \
      memcpy(&x, row + (element ? element[j + i] : (j + i) * (bits / 8)), bits / 8);                          \
      if (swapped) x = swap_##bits(x);                                                                        \
      memcpy(y + i * (bits / 8), &x, bits / 8);                                                               \
    }                                                                                                         \
  }
#define swap_8(x) x
#define swap_16 __builtin_bswap16
#define swap_32 __builtin_bswap32
#define swap_64 __builtin_bswap64
COLLECTOR(8)
COLLECTOR(16)
COLLECTOR(32)
COLLECTOR(64)

/* Elements j..j+n-1 of a row, contiguous and in native byte order. */
static void collect(isize n, const fastnn_array *x, const char *row, isize j, char *y) {
  switch (sizes[x->type]) {
    case 1:
      collect_8(n, row, x->element, j, 0, y);
      break;
    case 2:
      collect_16(n, row, x->element, j, x->swapped, y);
      break;
    case 4:
      collect_32(n, row, x->element, j, x->swapped, y);
      break;
    default:
      collect_64(n, row, x->element, j, x->swapped, y);
  }
}

/* y = a row of n elements. */
INLINE void convert_row(isize n, const fastnn_array *x, const char *row, float *y) {
  if (follow_one_another(x)) {
    convert(n, row, x->type, y);
    return;
  }
  double some[256]; /* of up to 8 bytes */
  for (isize j = 0; j < n; j += 256) {
    const isize count = n - j < 256 ? n - j : 256;
    collect(count, x, row, j, (char *)some);
    converters[x->type](count, (const char *)some, y + j);
  }
}

/* y: (rows, n), where every `width` elements are a distribution. */
static isize kernel_gather(isize rows, isize n, isize width, const fastnn_array *x, isize first, const int64_t *order,
                           int check, float *y) {
  if (!order && follow_one_another(x) && x->row == n * sizes[x->type])
    convert(rows * n, x->data + first * x->row, x->type, y);
  else if (order && x->type == fastnn_float32 && follow_one_another(x)) {
    const char *const data = x->data;
    const isize row = x->row;
    for (isize i = 0; i < rows; i++) convert(n, data + order[first + i] * row, fastnn_float32, y + i * n);
  } else
    for (isize i = 0; i < rows; i++)
      convert_row(n, x, x->data + (order ? order[first + i] : first + i) * x->row, y + i * n);
  if (check == fastnn_unchecked) return -1;
  if (check == fastnn_signed) return first_unsigned(rows * n, y);
  if (check != fastnn_distribution) return first_bad(rows * n, y, check);
  for (isize i = 0; i < rows * n; i += width) {
    const isize bad = first_bad(width, y + i, check);
    if (bad >= 0) return i + bad;
  }
  return -1;
}

/* Labels as kernel_gather_labels takes them. Where follow and type are constants, nothing is asked for each. */
INLINE isize take_labels(isize rows, isize n, isize classes, const fastnn_array *x, isize first, const int64_t *order,
                         double ignore, int32_t *y, const int follow, const int type) {
  const char *const data = x->data;
  const isize step = x->row;
  for (isize i = 0; i < rows; i++) {
    const char *row = data + (order ? order[first + i] : first + i) * step;
    for (isize j = 0; j < n; j++) {
      double one; /* of up to 8 bytes */
      if (!follow) collect(1, x, row, j, (char *)&one);
      const double label = number_at(follow ? row + j * sizes[type] : (const char *)&one, type);
      if (label == ignore) {
        y[i * n + j] = -1;
        continue;
      }
      if (!(label >= 0 && label < (double)classes) || label != (double)(int32_t)label) return i * n + j;
      y[i * n + j] = (int32_t)label;
    }
  }
  return -1;
}

/* y: (rows, n). A label outside 0..classes-1 or with a fraction is bad; one that equals `ignore`, NaN for none, becomes
 * -1. */
static isize kernel_gather_labels(isize rows, isize n, isize classes, const fastnn_array *x, isize first,
                                  const int64_t *order, double ignore, int32_t *y) {
  const int follow = follow_one_another(x);
  if (follow && x->type == fastnn_int64) {
    if (n == 1) return take_labels(rows, 1, classes, x, first, order, ignore, y, 1, fastnn_int64);
    return take_labels(rows, n, classes, x, first, order, ignore, y, 1, fastnn_int64);
  }
  return take_labels(rows, n, classes, x, first, order, ignore, y, follow, x->type);
}

#endif
