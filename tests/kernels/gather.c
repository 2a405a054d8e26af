/* Rows and labels out of a user's array, of any type, and the places of what is bad in it. */
#include <math.h>
#include <string.h>

#include "check.h"

#define ROWS 3
#define STORED 5 /* rows of the user's array */

static const isize sizes[] = {[fastnn_float32] = 4, [fastnn_float64] = 8, [fastnn_uint8] = 1, [fastnn_int64] = 8};
static const int types[] = {fastnn_float32, fastnn_float64, fastnn_uint8, fastnn_int64};
static const int64_t shuffled[ROWS] = {4, 0, 4};

/* Element i of an array of this type. */
static void put(void *x, int type, isize i, double value) {
  if (type == fastnn_float32) ((float *)x)[i] = (float)value;
  if (type == fastnn_float64) ((double *)x)[i] = value;
  if (type == fastnn_uint8) ((uint8_t *)x)[i] = (uint8_t)value;
  if (type == fastnn_int64) ((int64_t *)x)[i] = (int64_t)value;
}

static double get(const void *x, int type, isize i) {
  if (type == fastnn_float32) return ((const float *)x)[i];
  if (type == fastnn_float64) return ((const double *)x)[i];
  if (type == fastnn_uint8) return ((const uint8_t *)x)[i];
  return (double)((const int64_t *)x)[i];
}

static int64_t *order_of(const int64_t *rows) {
  int64_t *order = items(ROWS, 8);
  memcpy(order, rows, ROWS * sizeof *rows);
  return order;
}

/* All types, in order and shuffled; only the rows that are asked for need to be there. */
static void check_conversion(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int each = 0; each < 8; each++)
      for (places("n %td, type %d, shuffled %d", n, types[each / 2], each % 2); next_place();) {
        const int type = types[each / 2];
        const isize stored = each % 2 ? STORED : ROWS;
        void *x = items(stored * n, sizes[type]);
        float *y = floats(ROWS * n);
        const int64_t *order = each % 2 ? order_of(shuffled) : NULL;
        for (isize i = 0; i < stored * n; i++) put(x, type, i, type == fastnn_uint8 ? i % 256 : uniform(-1e6, 1e6));
        if (type == fastnn_float64) put(x, type, n / 2, 0.1);
        if (sizes[type] == 4 || type == fastnn_float64) put(x, type, 0, NAN);
        expect(-1, -1, (double)t->gather(ROWS, n, x, type, order, fastnn_unchecked, y), -1, 0);
        for (isize i = 0; i < ROWS * n; i++)
          expect(i / n, i % n, y[i], (float)get(x, type, (order ? order[i / n] : i / n) * n + i % n), 0);
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
        for (isize i = 0; i < ROWS * n; i++)
          put(x, type, i, check == fastnn_distribution ? i % n == n / 2 : kinds[kind].good);
        expect(-1, -1, (double)t->gather(ROWS, n, x, type, NULL, check, y), -1, 0);
        for (isize i = ROWS * n - 1; i >= 0; i--) {
          put(x, type, i, kinds[kind].bad);
          expect(i / n, i % n, (double)t->gather(ROWS, n, x, type, NULL, check, y), (double)i, 0);
        }
      }
}

/* A distribution may miss 1 by the rounding of its terms, and not by 1 %: the place is its first element. */
static void check_distribution(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("distribution, n %td", n); next_place();) {
      double *x = items(ROWS * n, 8);
      float *y = floats(ROWS * n);
      for (isize i = 0; i < ROWS * n; i++) x[i] = 1.0 / (double)n;
      expect(-1, -1, (double)t->gather(ROWS, n, x, fastnn_float64, NULL, fastnn_distribution, y), -1, 0);
      x[3 * n - 1] -= 0.01;
      expect(-1, -1, (double)t->gather(ROWS, n, x, fastnn_float64, NULL, fastnn_distribution, y), (double)(2 * n), 0);
      expect(-1, -1, (double)t->gather(ROWS, n, x, fastnn_float64, NULL, fastnn_unit, y), -1, 0);
    }
}

void check_gather(const fastnn_table *t) {
  check_conversion(t);
  check_bad_element(t);
  check_distribution(t);
}

void check_gather_labels(const fastnn_table *t) {
  static const double bad[] = {-1, 10, 255, 0.5, 9.5, -0.25, 1e300, NAN, INFINITY, -INFINITY};
  for (isize n = 1; n <= TAILS; n++)
    for (int type = 0; type < 4; type++)
      for (places("n %td, type %d", n, type); next_place();) {
        void *x = items(n, sizes[type]);
        int64_t *order = items(n, 8);
        int32_t *y = items(n, 4);
        for (isize i = 0; i < n; i++) put(x, type, i, (double)(random_bits() % 10)), order[i] = n - 1 - i;
        expect(-1, -1, (double)t->gather_labels(n, 10, x, type, NULL, NAN, y), -1, 0);
        for (isize i = 0; i < n; i++) expect(i, 0, y[i], get(x, type, i), 0);
        expect(-1, -1, (double)t->gather_labels(n, 10, x, type, order, NAN, y), -1, 0);
        for (isize i = 0; i < n; i++) expect(i, 0, y[i], get(x, type, n - 1 - i), 0);
        for (int b = 0; b < (int)(sizeof bad / sizeof bad[0]); b++) {
          const int whole = b < 3, byte = b == 1 || b == 2;
          if (type == fastnn_uint8 ? !byte : type == fastnn_int64 && !whole) continue;
          put(x, type, n / 2, bad[b]);
          expect(b, 0, (double)t->gather_labels(n, 10, x, type, NULL, NAN, y), (double)(n / 2), 0);
        }
        for (int ignored = 0; ignored < 2; ignored++) { /* a label that is none, beside one of a class */
          const double ignore = ignored ? 200 : 7;
          put(x, type, n / 2, ignore);
          expect(ignored, 0, (double)t->gather_labels(n, 10, x, type, NULL, ignore, y), -1, 0);
          for (isize i = 0; i < n; i++) expect(i, 0, y[i], get(x, type, i) == ignore ? -1 : get(x, type, i), 0);
        }
        if (type == fastnn_uint8) continue;
        put(x, type, n / 2, -2); /* is not the -1 that is ignored */
        expect(-1, -1, (double)t->gather_labels(n, 10, x, type, NULL, -1, y), (double)(n / 2), 0);
        if (type != fastnn_int64) continue;
        ((int64_t *)x)[n / 2] = INT64_MIN; /* what a double, or 32 bits of it, would take for a label */
        expect(-1, -1, (double)t->gather_labels(n, 10, x, type, NULL, NAN, y), (double)(n / 2), 0);
        ((int64_t *)x)[n / 2] = (int64_t)1 << 32;
        expect(-1, -1, (double)t->gather_labels(n, 10, x, type, NULL, NAN, y), (double)(n / 2), 0);
      }
}
