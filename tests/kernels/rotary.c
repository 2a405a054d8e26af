/* Rotary positions of a step. */
#include <math.h>

#include "check.h"

#define HEADS 3

void check_rotary(const fastnn_table *t) {
  for (isize half = 1; half <= TAILS; half++)
    for (int back = 0; back < 2; back++)
      for (places("half %td, back %d", half, back); next_place();) {
        const isize n = 2 * half;
        float *x = random_floats(HEADS * n), *y = floats(HEADS * n), *alone = floats(n);
        float *cosine = random_floats(half), *sine = random_floats(half);
        x[n + half] = NAN;
        t->rotary(HEADS, half, x, cosine, sine, back, y);
        for (isize head = 0; head < HEADS; head++) {
          const float *from = x + head * n, *made = y + head * n;
          for (isize i = 0; i < half; i++) {
            const double a = from[i], b = from[half + i], c = cosine[i], s = back ? -sine[i] : sine[i];
            const double bound = 2 * UNIT * (fabs(a) + fabs(b)) * (fabs(c) + fabs(s));
            expect(head, i, made[i], a * c - b * s, bound);
            expect(head, half + i, made[half + i], b * c + a * s, bound);
          }
          t->rotary(1, half, from, cosine, sine, back, alone);
          expect_same(head * n, n, alone, made);
        }
        t->rotary(HEADS, half, x, cosine, sine, back, x);
        expect_same(0, HEADS * n, x, y);
      }
}
