/* Loops over columns, row by row. */
#ifndef FASTNN_COLUMNS_H
#define FASTNN_COLUMNS_H

#include "simd.h"

/* Vectors of columns that go down the rows together: their sums are independent, and whole cache lines are read. */
#define ABREAST 4

/* body(vectors, left) for the columns from j on: ABREAST vectors of `width` at a time, then one by one. */
#define EACH_COLUMNS(width, n, body)                                                             \
  do {                                                                                           \
    isize j = 0;                                                                                 \
    for (; j + ABREAST * (width) <= n; j += ABREAST * (width)) body(ABREAST, ABREAST * (width)); \
    for (; j < n; j += (width)) body(1, n - j);                                                  \
  } while (0)

#endif
