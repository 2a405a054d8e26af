/* The sums of columns. */
#include <math.h>
#include <string.h>

#include "check.h"

void check_column_sum(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS + 4 * t->lanes; n++) /* four vectors are read at a time */
    for (places("n %td", n); next_place();) {
      const isize rows = n % 10, x_row = n + n % 3;
      float *x = random_matrix(rows, n, x_row), *y = floats(n), *alone = floats(1);
      if (rows) x[rows / 2 * x_row + n - 1] = NAN;
      const int add = n % 4 == 3;
      const float *before = random_matrix(1, n, n);
      memcpy(y, before, (size_t)n * sizeof *y);
      t->column_sum(rows, n, x, x_row, add, y);
      for (isize j = 0; j < n; j++) {
        double sum = add ? before[j] : 0, size = fabs(sum);
        *alone = before[j];
        for (isize i = 0; i < rows; i++) sum += x[i * x_row + j], size += fabs(x[i * x_row + j]);
        expect(0, j, y[j], sum, (double)(rows + 1) * UNIT * size);
        t->column_sum(rows, 1, x + j, x_row, add, alone);
        expect_same(j, 1, alone, y + j);
      }
    }
}
