/* What joins values: each element is rounded once, and so is known to the bit. */
#include <math.h>

#include "check.h"

static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, 3.4028235e38f};
#define SPECIAL ((isize)(sizeof special / sizeof special[0]))

/* Random numbers, with all the special ones on their way through every lane. */
static float *drawn(isize n) {
  float *x = random_floats(n);
  for (isize i = 0; i < n; i += 5) x[i] = special[(n + i / 5) % SPECIAL];
  return x;
}

static float sum(float a, float b) { return a + b; }
static float difference(float a, float b) { return a - b; }
static float product(float a, float b) { return a * b; }

static void check_pairs(void (*kernel)(isize n, const float *a, const float *b, float *y), float (*of)(float, float)) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *a = drawn(n), *b = random_floats(n), *y = floats(n);
      kernel(n, a, b, y);
      for (isize i = 0; i < n; i++) {
        float expected = of(a[i], b[i]);
        expect_same(i, 1, y + i, &expected);
      }
      kernel(n, a, b, b);
      expect_same(0, n, b, y);
    }
}

void check_add(const fastnn_table *t) { check_pairs(t->add, sum); }
void check_subtract(const fastnn_table *t) { check_pairs(t->subtract, difference); }
void check_multiply(const fastnn_table *t) { check_pairs(t->multiply, product); }

void check_scale(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = drawn(n), *y = floats(n), factor = uniform(-2, 2);
      t->scale(n, factor, x, y);
      for (isize i = 0; i < n; i++) {
        float expected = factor * x[i];
        expect_same(i, 1, y + i, &expected);
      }
      t->scale(n, factor, x, x);
      expect_same(0, n, x, y);
    }
}
