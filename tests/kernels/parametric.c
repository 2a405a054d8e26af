/* Activations with settings, and their derivatives. */
#include <math.h>

#include "check.h"

typedef void (*map)(isize n, const float *x, float a, float b, float *y);
typedef void (*gradient_map)(isize n, const float *x, const float *dy, float a, float b, float *dx);

static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, -104.0f, -0.4f, 1.2f, 3.4028235e38f};
#define SPECIAL ((isize)(sizeof special / sizeof special[0]))

static float *drawn(isize n) {
  float *x = random_floats(n);
  for (isize i = 0; i < n; i += 3) x[i] = special[(n + i / 3) % SPECIAL];
  return x;
}

static double leak_of(double x, double a, double b) { return (void)b, x > 0 ? x : a * x; }
static double leak_slope(double x, double a, double b) { return (void)b, x > 0 ? 1 : a; }
static double exponential_of(double x, double a, double b) { return (void)b, x > 0 ? x : a * expm1(x); }
static double exponential_slope(double x, double a, double b) { return (void)b, x > 0 ? 1 : a * exp(x); }
static double limit_of(double x, double a, double b) { return x < a ? a : x > b ? b : x; }
static double limit_slope(double x, double a, double b) { return x < a || x > b ? 0 : 1; }

static void check_of(map f, double (*of)(double, double, double), float a, float b, double units) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = drawn(n), *y = floats(n);
      f(n, x, a, b, y);
      for (isize i = 0; i < n; i++) {
        const double expected = of(x[i], a, b);
        expect_units(i, y[i], expected, expected, units);
      }
      f(n, x, a, b, x);
      expect_same(0, n, x, y);
    }
}

static void check_slope(gradient_map f, double (*slope)(double, double, double), float a, float b) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = drawn(n), *dy = random_floats(n), *dx = floats(n);
      for (isize i = 0; i < n; i++)
        if (isnan(x[i])) x[i] = 0.5f;
      f(n, x, dy, a, b, dx);
      for (isize i = 0; i < n; i++) expect(0, i, dx[i], dy[i] * slope(x[i], a, b), 8 * UNIT * fabs(dy[i]));
      f(n, x, dy, a, b, dy);
      expect_same(0, n, dy, dx);
    }
}

void check_leak(const fastnn_table *t) { check_of(t->leak, leak_of, 0.2f, 0, 1); }
void check_leak_gradient(const fastnn_table *t) { check_slope(t->leak_gradient, leak_slope, 0.2f, 0); }
void check_exponential(const fastnn_table *t) { check_of(t->exponential, exponential_of, 0.7f, 0, 2); }
void check_exponential_gradient(const fastnn_table *t) {
  check_slope(t->exponential_gradient, exponential_slope, 0.7f, 0);
}
void check_limit(const fastnn_table *t) { check_of(t->limit, limit_of, -0.4f, 1.2f, 0); }
void check_limit_gradient(const fastnn_table *t) { check_slope(t->limit_gradient, limit_slope, -0.4f, 1.2f); }
