/* What a mask lets through, to the bit. */
#include <math.h>

#include "check.h"

void check_mask(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = random_floats(n), *mask = random_floats(n), *y = floats(n), otherwise = uniform(-2, 2);
      for (isize i = 0; i < n; i += 3) mask[i] = i % 2 ? -0.0f : 0.0f;
      mask[n / 2] = n % 2 ? NAN : 1e-45f;
      x[n - 1] = n % 2 ? NAN : INFINITY;
      t->mask(n, x, mask, otherwise, y);
      for (isize i = 0; i < n; i++) {
        float expected = mask[i] == 0 ? otherwise : x[i];
        expect_same(i, 1, y + i, &expected);
      }
      t->mask(n, x, mask, otherwise, x);
      expect_same(0, n, x, y);
    }
}
