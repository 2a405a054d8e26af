/* Transposed matrices, by squares of 4 x 4. */
#ifndef FASTNN_TRANSPOSE_H
#define FASTNN_TRANSPOSE_H

#include "simd.h"

/* y[i * y_row + j] = x[j * x_row + i] for i, j < 4. */
INLINE void transpose4(const float *x, isize x_row, float *y, isize y_row) {
  const f4 r0 = *(const f4 *)x, r1 = *(const f4 *)(x + x_row);
  const f4 r2 = *(const f4 *)(x + 2 * x_row), r3 = *(const f4 *)(x + 3 * x_row);
  const f4 a = SHUFFLE4(r0, r1, 0, 4, 1, 5), b = SHUFFLE4(r2, r3, 0, 4, 1, 5);
  const f4 c = SHUFFLE4(r0, r1, 2, 6, 3, 7), d = SHUFFLE4(r2, r3, 2, 6, 3, 7);
  *(f4 *)y = SHUFFLE4(a, b, 0, 1, 4, 5);
  *(f4 *)(y + y_row) = SHUFFLE4(a, b, 2, 3, 6, 7);
  *(f4 *)(y + 2 * y_row) = SHUFFLE4(c, d, 0, 1, 4, 5);
  *(f4 *)(y + 3 * y_row) = SHUFFLE4(c, d, 2, 3, 6, 7);
}

/* In each group of four lanes: four of those of a, 0 to 3, and b, 4 to 7. */
#define LANE(i, group) ((i) % 4 + (i) / 4 * VL + 4 * (group))
#define LANES(i, j, k, l, group) LANE(i, group), LANE(j, group), LANE(k, group), LANE(l, group)
#if VL == 16
#define ALL_LANES(...) LANES(__VA_ARGS__, 0), LANES(__VA_ARGS__, 1), LANES(__VA_ARGS__, 2), LANES(__VA_ARGS__, 3)
#elif VL == 8
#define ALL_LANES(...) LANES(__VA_ARGS__, 0), LANES(__VA_ARGS__, 1)
#else
#define ALL_LANES(...) LANES(__VA_ARGS__, 0)
#endif
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, ALL_LANES(__VA_ARGS__))
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (vi){ALL_LANES(__VA_ARGS__)})
#endif

/* The 4 x 4 squares that lie side by side in r, transposed. */
INLINE void transpose_fours(vf r[4]) {
  const vf a = SHUFFLE(r[0], r[1], 0, 4, 1, 5), b = SHUFFLE(r[2], r[3], 0, 4, 1, 5);
  const vf c = SHUFFLE(r[0], r[1], 2, 6, 3, 7), d = SHUFFLE(r[2], r[3], 2, 6, 3, 7);
  r[0] = SHUFFLE(a, b, 0, 1, 4, 5), r[1] = SHUFFLE(a, b, 2, 3, 6, 7);
  r[2] = SHUFFLE(c, d, 0, 1, 4, 5), r[3] = SHUFFLE(c, d, 2, 3, 6, 7);
}

/* y[i * y_row + j] = x[j * x_row + i] for i < rows, j < columns. */
INLINE void transpose(isize rows, isize columns, const float *x, isize x_row, float *y, isize y_row) {
  if (rows < 4 || columns < 4) {
    for (isize i = 0; i < rows; i++)
      for (isize j = 0; j < columns; j++) y[i * y_row + j] = x[i + j * x_row];
    return;
  }
  for (isize j = 0; j < columns; j += 4)
    for (isize i = 0; i < rows; i += 4) { /* where four does not divide rows or columns, squares overlap */
      const isize row = i + 4 > rows ? rows - 4 : i, column = j + 4 > columns ? columns - 4 : j;
      transpose4(x + row + column * x_row, x_row, y + row * y_row + column, y_row);
    }
}

#endif
