/* Rows and labels out of a user's array, of any type and layout, and the places of what is bad in it. */
#include <math.h>
#include <string.h>

#include "check.h"

#define ROWS 3
#define STORED 5 /* rows of the user's array */

static const isize sizes[] = {
#define SIZE(name, type, number) sizeof(type),
    FASTNN_TYPES(SIZE)
#undef SIZE
};
static const double lowest[] = {-1e6, -1e6, -6e4, 0, 0, -128, 0, -32768, 0, -2147483648.0, 0, -9e18};
static const double highest[] = {1e6, 1e6, 6e4, 1, 255, 127, 65535, 32767, 4294967295.0, 2147483647.0, 18e18, 9e18};
static const int64_t shuffled[ROWS] = {4, 0, 4};

static double from_half(uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 0x3ff;
  const double size = exponent == 31 ? (fraction ? NAN : INFINITY)
                                     : ldexp(exponent ? 0x400 + fraction : fraction, (exponent ? exponent : 1) - 25);
  return half & 0x8000 ? -size : size;
}

/* Rounded towards 0; what is too large is infinite. */
static uint16_t to_half(double value) {
  int exponent;
  const double fraction = frexp(fabs(value), &exponent); /* in [1/2, 1) */
  const uint16_t sign = signbit(value) ? 0x8000 : 0;
  if (value != value) return 0x7e00;
  if (fabs(value) >= 65536) return sign | 0x7c00;
  if (value == 0 || exponent < -13) return (uint16_t)(sign | (int)ldexp(fraction, exponent + 24));
  return (uint16_t)(sign | (exponent + 14) << 10 | ((int)ldexp(fraction, 11) & 0x3ff));
}

/* Element i of an array of this type, which holds the value. */
static void put(void *x, int type, isize i, double value) {
  switch (type) {
    case fastnn_float16:
      ((uint16_t *)x)[i] = to_half(value);
      break;
    case fastnn_float32:
      ((float *)x)[i] = (float)value;
      break;
    case fastnn_float64:
      ((double *)x)[i] = value;
      break;
    case fastnn_uint64:
      ((uint64_t *)x)[i] = (uint64_t)value;
      break;
    default:
      for (isize byte = 0; byte < sizes[type]; byte++) /* the lowest come first */
        ((uint8_t *)x)[i * sizes[type] + byte] = (uint8_t)((uint64_t)(int64_t)value >> 8 * byte);
  }
}

static double get(const void *x, int type, isize i) {
  switch (type) {
#define CASE(name, type, number) \
  case fastnn_##name:            \
    return (double)(number(((const type *)x)[i]));
    FASTNN_TYPES(CASE)
#undef CASE
  }
  return NAN;
}

/* The float that is nearest to it: of a large integer, too, that a double does not hold. */
static float get_float(const void *x, int type, isize i) {
  if (type == fastnn_int64) return (float)((const int64_t *)x)[i];
  if (type == fastnn_uint64) return (float)((const uint64_t *)x)[i];
  return (float)get(x, type, i);
}

static int is_float(int type) { return type <= fastnn_float16; }

static int64_t *order_of(const int64_t *rows) {
  int64_t *order = items(ROWS, 8);
  memcpy(order, rows, ROWS * sizeof *rows);
  return order;
}

/* An array in C order of rows of n elements. */
static fastnn_array plain(const void *x, int type, isize n) {
  return (fastnn_array){.data = x, .row = n * sizes[type], .type = type};
}

/* The elements of x, (stored, n), in another layout: bytes swapped, or by columns, and these backwards. */
static fastnn_array laid(const void *x, int type, isize stored, isize n, int swapped, int scattered) {
  const isize size = sizes[type];
  char *y = items(stored * n * size, 1);
  isize *element = scattered ? items(n, 8) : NULL;
  for (isize i = 0; i < stored; i++)
    for (isize j = 0; j < n; j++) {
      char *to = y + (scattered ? (n - 1 - j) * stored + i : i * n + j) * size;
      for (isize byte = 0; byte < size; byte++)
        to[swapped ? size - 1 - byte : byte] = ((const char *)x)[(i * n + j) * size + byte];
      if (scattered) element[j] = (n - 1 - j) * stored * size;
    }
  return (fastnn_array){y, scattered ? size : n * size, element, type, swapped};
}

/* All types and layouts, in order and shuffled; only the rows that are asked for need to be there. */
static void check_conversion(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int type = 0; type < fastnn_types; type++)
      for (int layout = 0; layout < 8; layout++)
        for (places("n %td, type %d, layout %d", n, type, layout); next_place();) {
          const isize stored = layout & 1 ? STORED : ROWS;
          void *x = items(stored * n, sizes[type]);
          float *y = floats(ROWS * n);
          const int64_t *order = layout & 1 ? order_of(shuffled) : NULL;
          for (isize i = 0; i < stored * n; i++) put(x, type, i, uniform((float)lowest[type], (float)highest[type]));
          if (is_float(type)) put(x, type, 0, NAN);
          if (is_float(type)) put(x, type, n / 2, type == fastnn_float64 ? 0.1 : 3e-7); /* a subnormal half */
          const fastnn_array given =
              layout & 6 ? laid(x, type, stored, n, layout >> 1 & 1, layout >> 2) : plain(x, type, n);
          expect(-1, -1, (double)t->gather(ROWS, n, n, &given, 0, order, fastnn_unchecked, y), -1, 0);
          for (isize i = 0; i < ROWS * n; i++)
            expect(i / n, i % n, y[i], get_float(x, type, (order ? order[i / n] : i / n) * n + i % n), 0);
          expect(-1, -1, (double)t->gather(1, n, n, &given, 2, order, fastnn_unchecked, y), -1, 0);
          for (isize i = 0; i < n; i++) expect(2, i, y[i], get_float(x, type, (order ? order[2] : 2) * n + i), 0);
        }
}

/* More elements than are put in order at once. */
static void check_long_rows(const fastnn_table *t) {
  const isize n = 3 * 256 + 5;
  for (int type = 0; type < fastnn_types; type++)
    for (places("long rows, type %d", type); next_place();) {
      void *x = items(2 * n, sizes[type]);
      float *y = floats(2 * n);
      for (isize i = 0; i < 2 * n; i++) put(x, type, i, (double)(random_bits() % 2));
      const fastnn_array given = laid(x, type, 2, n, 1, 1);
      expect(-1, -1, (double)t->gather(2, n, n, &given, 0, NULL, fastnn_finite, y), -1, 0);
      for (isize i = 0; i < 2 * n; i++) expect(i / n, i % n, y[i], get_float(x, type, i), 0);
    }
}

/* Each kind of bad element at each place. What comes after it does not matter. */
static void check_bad_element(const fastnn_table *t) {
  static const struct {
    int check, type;
    double good, bad;
  } kinds[] = {
      {fastnn_finite, fastnn_float32, -3, NAN},
      {fastnn_finite, fastnn_float32, -3, INFINITY},
      {fastnn_finite, fastnn_float64, -3, -INFINITY},
      {fastnn_finite, fastnn_float64, -3, 1e300},
      {fastnn_unit, fastnn_float32, 1, NAN},
      {fastnn_unit, fastnn_float64, 0, 1.001},
      {fastnn_unit, fastnn_float32, 0, -1e-30},
      {fastnn_unit, fastnn_int64, 1, -1},
      {fastnn_unit, fastnn_uint8, 1, 2},
      {fastnn_nonnegative, fastnn_float32, 0, -1e-30},
      {fastnn_nonnegative, fastnn_float64, 3e38, 1e300},
      {fastnn_signed, fastnn_float32, -1, 0.3},
      {fastnn_signed, fastnn_float64, 0, 0.5},
      {fastnn_signed, fastnn_float32, -0.0, 1e-30},
      {fastnn_signed, fastnn_float32, 1, -0.9999999},
      {fastnn_signed, fastnn_float32, 1, NAN},
      {fastnn_signed, fastnn_float32, -1, -INFINITY},
      {fastnn_signed, fastnn_int64, -1, -2},
      {fastnn_signed, fastnn_uint8, 1, 2},
      {fastnn_unit, fastnn_int16, 0, -1},
      {fastnn_unit, fastnn_float16, 1, 1.001},
      {fastnn_finite, fastnn_float16, -3, INFINITY},
      {fastnn_finite, fastnn_float16, -3, NAN},
      {fastnn_distribution, fastnn_float32, 0, 1.001},
      {fastnn_distribution, fastnn_float64, 0, -0.5},
      {fastnn_distribution, fastnn_float32, 0, NAN},
  };
  for (isize n = 1; n <= TAILS; n++)
    for (int kind = 0; kind < (int)(sizeof kinds / sizeof kinds[0]); kind++)
      for (places("n %td, bad kind %d", n, kind); next_place();) {
        const int type = kinds[kind].type, check = kinds[kind].check;
        void *x = items(ROWS * n, sizes[type]);
        float *y = floats(ROWS * n);
        const fastnn_array given = plain(x, type, n);
        for (isize i = 0; i < ROWS * n; i++)
          put(x, type, i, check == fastnn_distribution ? i % n == n / 2 : kinds[kind].good);
        expect(-1, -1, (double)t->gather(ROWS, n, n, &given, 0, NULL, check, y), -1, 0);
        for (isize i = ROWS * n - 1; i >= 0; i--) {
          put(x, type, i, kinds[kind].bad);
          expect(i / n, i % n, (double)t->gather(ROWS, n, n, &given, 0, NULL, check, y), (double)i, 0);
        }
      }
}

/* A distribution may miss 1 by the rounding of its terms, and not by 1 %: the place is its first element. A row may
 * hold several. */
static void check_distribution(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("distribution, n %td", n); next_place();) {
      double *x = items(ROWS * n, 8);
      float *y = floats(ROWS * n);
      const fastnn_array given = plain(x, fastnn_float64, n), row = plain(x, fastnn_float64, ROWS * n);
      for (isize i = 0; i < ROWS * n; i++) x[i] = 1.0 / (double)n;
      expect(-1, -1, (double)t->gather(ROWS, n, n, &given, 0, NULL, fastnn_distribution, y), -1, 0);
      expect(-1, -1, (double)t->gather(1, ROWS * n, n, &row, 0, NULL, fastnn_distribution, y), -1, 0);
      x[3 * n - 1] -= 0.01;
      expect(-1, -1, (double)t->gather(ROWS, n, n, &given, 0, NULL, fastnn_distribution, y), (double)(2 * n), 0);
      expect(-1, -1, (double)t->gather(1, ROWS * n, n, &row, 0, NULL, fastnn_distribution, y), (double)(2 * n), 0);
      expect(-1, -1, (double)t->gather(ROWS, n, n, &given, 0, NULL, fastnn_unit, y), -1, 0);
    }
}

void check_gather(const fastnn_table *t) {
  check_conversion(t);
  check_long_rows(t);
  check_bad_element(t);
  check_distribution(t);
}

static void check_good_labels(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int type = 0; type < fastnn_types; type++)
      for (int layout = 0; layout < 4; layout++)
        for (places("n %td, type %d, layout %d", n, type, layout); next_place();) {
          void *x = items(STORED * n, sizes[type]);
          const int64_t *order = order_of(shuffled);
          int32_t *y = items(ROWS * n, 4);
          for (isize i = 0; i < STORED * n; i++) put(x, type, i, random_bits() % (type == fastnn_bool ? 2 : 10));
          const fastnn_array given = layout ? laid(x, type, STORED, n, layout & 1, layout >> 1) : plain(x, type, n);
          expect(-1, -1, (double)t->gather_labels(ROWS, n, 10, &given, 2, NULL, NAN, y), -1, 0);
          for (isize i = 0; i < ROWS * n; i++) expect(i, 0, y[i], get(x, type, 2 * n + i), 0);
          expect(-1, -1, (double)t->gather_labels(2, n, 10, &given, 1, order, NAN, y), -1, 0);
          for (isize i = 0; i < 2 * n; i++) expect(i, 0, y[i], get(x, type, shuffled[1 + i / n] * n + i % n), 0);
        }
}

/* Row by row, and as the elements of one row. */
static void check_bad_labels(const fastnn_table *t) {
  static const double bad[] = {-1, 10, 127, 0.5, 9.5, -0.25, 1e300, NAN, INFINITY, -INFINITY};
  for (isize n = 1; n <= TAILS; n++)
    for (int type = 0; type < fastnn_types; type++)
      for (places("n %td, type %d", n, type); next_place();) {
        if (type == fastnn_bool) continue;
        const int whole_only = !is_float(type), place = (int)(n / 2);
        void *x = items(n, sizes[type]);
        int32_t *y = items(n, 4);
        const fastnn_array given = plain(x, type, 1), row = plain(x, type, n);
        for (isize i = 0; i < n; i++) put(x, type, i, (double)(random_bits() % 10));
        for (int b = 0; b < (int)(sizeof bad / sizeof bad[0]); b++) {
          if (whole_only && (b > 2 || bad[b] < lowest[type])) continue;
          put(x, type, place, bad[b]);
          expect(b, 0, (double)t->gather_labels(n, 1, 10, &given, 0, NULL, NAN, y), place, 0);
          expect(b, 0, (double)t->gather_labels(1, n, 10, &row, 0, NULL, NAN, y), place, 0);
        }
        for (int ignored = 0; ignored < 2; ignored++) { /* a number that is not a class, or one that is */
          const double ignore = ignored ? 100 : 7;
          put(x, type, place, ignore);
          expect(ignored, 0, (double)t->gather_labels(n, 1, 10, &given, 0, NULL, ignore, y), -1, 0);
          for (isize i = 0; i < n; i++) expect(i, 0, y[i], get(x, type, i) == ignore ? -1 : get(x, type, i), 0);
        }
        if (lowest[type] < 0) {
          put(x, type, place, -2); /* is not the -1 that is ignored */
          expect(-1, -1, (double)t->gather_labels(n, 1, 10, &given, 0, NULL, -1, y), place, 0);
        }
        if (sizes[type] < 8 || is_float(type)) continue;
        ((uint64_t *)x)[place] = (uint64_t)1 << 63; /* what a double, or 32 bits of it, would take for a label */
        expect(-1, -1, (double)t->gather_labels(n, 1, 10, &given, 0, NULL, NAN, y), place, 0);
        ((uint64_t *)x)[place] = (uint64_t)1 << 32;
        expect(-1, -1, (double)t->gather_labels(n, 1, 10, &given, 0, NULL, NAN, y), place, 0);
      }
}

void check_gather_labels(const fastnn_table *t) {
  check_good_labels(t);
  check_bad_labels(t);
}
