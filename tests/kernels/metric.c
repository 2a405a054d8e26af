/* What a metric counts. */
#include <math.h>

#include "check.h"

/* Each place is the argmax once, with an equal after it, and with NaN or infinities around it. */
void check_argmax(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = random_floats(4 * n * n);
      int32_t *y = items(4 * n, 4);
      for (isize i = 0; i < 4 * n; i++) {
        float *row = x + i * n;
        const float greatest[] = {3, INFINITY, NAN, -1};
        for (isize j = 0; j < n && i % 4 == 3; j++) row[j] = -INFINITY;
        row[i / 4] = row[n - 1] = greatest[i % 4];
        if (i % 4 == 2) row[0] = i / 4 ? INFINITY : NAN;
      }
      t->argmax(4 * n, n, x, y);
      for (isize i = 0; i < 4 * n; i++) expect(i, 0, y[i], (double)(i / 4), 0);
    }
}
