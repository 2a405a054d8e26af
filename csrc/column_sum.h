/* The sum of rows: the gradient of a bias. */
#ifndef FASTNN_COLUMN_SUM_H
#define FASTNN_COLUMN_SUM_H

#include "columns.h"

INLINE void column_sum(const int vectors, isize left, isize rows, const float *x, isize x_row, int add, float *y) {
  vf sum[ABREAST];
  for (int v = 0; v < vectors; v++) sum[v] = add ? load_up_to(y + v * VL, left) : (vf){0};
  for (isize i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) sum[v] += load_up_to(x + i * x_row + v * VL, left);
  for (int v = 0; v < vectors; v++) store_up_to(y + v * VL, sum[v], left);
}

/* y (n) = sum of the rows of x, from first to last; with add the sum starts from y. */
static void kernel_column_sum(isize rows, isize n, const float *x, isize x_row, int add, float *y) {
#define COLUMN_SUM(vectors, left) column_sum(vectors, left, rows, x + j, x_row, add, y + j)
  EACH_COLUMNS(VL, n, COLUMN_SUM);
}

#endif
