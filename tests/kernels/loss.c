/* The elementwise losses: a sum in double, and the gradient times scale. */
#include <math.h>

#include "check.h"

typedef double (*function)(double x, double target);

/* What a loss and its gradient are, and the sizes of the terms of each, of which each may be off by TOLERANCE. */
typedef struct {
  double (*kernel)(isize n, const float *x, const float *target, float scale, float *dx);
  function loss, loss_size, slope, slope_size;
} loss;

#define TOLERANCE (8 * UNIT)
#define MANY 100000 /* too many for a sum in float */

static void check_length(const loss *l, isize n, int nan) {
  for (places("n %td, NaN %d", n, nan); next_place();) {
    const float scale = uniform(0.01, 2);
    float *x = floats(n), *target = floats(n), *dx = floats(n), *alone = floats(1);
    for (isize i = 0; i < n; i++) x[i] = uniform(-30, 30), target[i] = i % 3 ? uniform(0, 1) : (float)(i % 2);
    if (nan) x[n / 2] = NAN;
    const double sum = returned(l->kernel(n, x, target, scale, dx));
    double expected = 0, size = 0;
    for (isize i = 0; i < n; i++) {
      const double xi = x[i], ti = target[i], bound = TOLERANCE * l->loss_size(xi, ti);
      expected += l->loss(xi, ti);
      size += l->loss_size(xi, ti);
      expect(0, i, dx[i], scale * l->slope(xi, ti), TOLERANCE * scale * l->slope_size(xi, ti));
      expect(-1, i, l->kernel(1, x + i, target + i, scale, alone), l->loss(xi, ti), bound);
      expect_same(i, 1, alone, dx + i);
    }
    expect(-1, -1, sum, expected, TOLERANCE * size);
  }
}

static void check_loss(const loss *l) {
  for (isize n = 1; n <= TAILS; n++)
    for (int nan = 0; nan < 2; nan++) check_length(l, n, nan);
  check_length(l, MANY, 0);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double binary(double x, double t) { return (x > 0 ? x : 0) - x * t + log1p(exp(-fabs(x))); }
static double binary_size(double x, double t) { return fmax(x, 0) + fabs(x * t) + log1p(exp(-fabs(x))); }
static double binary_slope(double x, double t) { return sigmoid(x) - t; }
static double binary_slope_size(double x, double t) { return sigmoid(x) + t; }

static double square(double x, double t) { return (x - t) * (x - t); }
static double square_slope(double x, double t) { return 2 * (x - t); }
static double square_slope_size(double x, double t) { return 2 * fabs(x - t); }

void check_binary_cross_entropy(const fastnn_table *t) {
  check_loss(&(loss){t->binary_cross_entropy, binary, binary_size, binary_slope, binary_slope_size});
}

void check_mse(const fastnn_table *t) { check_loss(&(loss){t->mse, square, square, square_slope, square_slope_size}); }
