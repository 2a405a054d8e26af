/* exp, log, the activations and their derivatives. */
#include <math.h>

#include "check.h"

typedef void (*map)(isize n, const float *x, float *y);
typedef void (*gradient_map)(isize n, const float *y, const float *dy, float *dx);

static const float special[] = {0.0f,    -0.0f, INFINITY, -INFINITY, NAN,           1e-40f,
                                -1e-40f, -1.0f, 89.0f,    -104.0f,   3.4028235e38f, -3.4028235e38f};
#define SPECIAL ((isize)(sizeof special / sizeof special[0]))

/* Random numbers, with all the special ones on their way through every lane. */
static void draw(isize n, float *x) {
  for (isize i = 0; i < n; i++) x[i] = i % 5 ? uniform(-20, 20) : special[(n + i / 5) % SPECIAL];
}

static void check_map(map f, const char *name, double (*reference)(double x), double units) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("%s, n %td", name, n); next_place();) {
      float *x = floats(n), *y = floats(n), *alone = floats(1);
      draw(n, x);
      f(n, x, y);
      for (isize i = 0; i < n; i++) {
        expect_units(i, y[i], reference(x[i]), units);
        f(1, x + i, alone);
        expect_same(i, 1, alone, y + i);
      }
      f(n, x, x);
      expect_same(0, n, x, y);
    }
  /* All over the floats: each sign and exponent with 32 mantissas. */
  for (places("%s, all exponents", name); next_place();) {
    const isize n = 512 * 32;
    float *x = floats(n), *y = floats(n);
    for (isize i = 0; i < n; i++) x[i] = float_of((uint32_t)i << 18 | random_bits() >> 14);
    f(n, x, y);
    for (isize i = 0; i < n; i++) expect_units(i, y[i], reference(x[i]), units);
  }
}

/* The bounds that csrc/elementary.h states. */
void check_exp(const fastnn_table *t) { check_map(t->exp, "exp", exp, 1.5); }
void check_log(const fastnn_table *t) { check_map(t->log, "log", log, 1.5); }

static double identity_of(double x) { return x; }
static double relu_of(double x) { return x < 0 ? 0 : x; }
static double sigmoid_of(double x) { return 1 / (1 + exp(-x)); }
static double tanh_of(double x) { return tanh(x); }

/* dy f'(x), of the output y = f(x). */
static double identity_gradient(double y, double dy) { return (void)y, dy; }
static double relu_gradient(double y, double dy) { return y <= 0 ? 0 : dy; }
static double sigmoid_gradient(double y, double dy) { return dy * y * (1 - y); }
static double tanh_gradient(double y, double dy) { return dy * (1 - y * y); }

enum { identity_units = 0, relu_units = 0, sigmoid_units = 3, tanh_units = 2 };

#define REFERENCE(name) {#name, name##_of, name##_gradient, name##_units},
const activation activations[] = {FASTNN_ACTIVATIONS(REFERENCE)};

static void check_gradient(map f, gradient_map gradient, const activation *reference) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("gradient of %s, n %td", reference->name, n); next_place();) {
      float *y = floats(n), *dy = random_floats(n), *dx = floats(n), *alone = floats(1);
      draw(n, y);
      f(n, y, y);
      gradient(n, y, dy, dx);
      for (isize i = 0; i < n; i++) {
        expect(0, i, dx[i], reference->gradient(y[i], dy[i]), 3 * UNIT * fabs(dy[i])); /* three roundings */
        gradient(1, y + i, dy + i, alone);
        expect_same(i, 1, alone, dx + i);
      }
      gradient(n, y, dy, dy);
      expect_same(0, n, dy, dx);
    }
}

void check_activations(const fastnn_table *t) {
  for (int a = 0; a < fastnn_activations; a++) {
    check_map(t->activation[a], activations[a].name, activations[a].of, activations[a].units);
    check_gradient(t->activation[a], t->activation_gradient[a], &activations[a]);
  }
}
