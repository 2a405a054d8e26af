/* exp, log, erf, the activations and their derivatives. */
#include <math.h>
#include <string.h>

#include "check.h"

typedef void (*map)(isize n, const float *x, float *y);
typedef void (*row_map)(isize rows, isize n, const float *x, float *y, isize row);
typedef void (*gradient_map)(isize rows, isize n, const float *y, isize y_row, const float *dy, float *dx, isize row);

static const float special[] = {0.0f,    -0.0f, INFINITY, -INFINITY, NAN,           1e-40f,
                                -1e-40f, -1.0f, 89.0f,    -104.0f,   3.4028235e38f, -3.4028235e38f};
#define SPECIAL ((isize)(sizeof special / sizeof special[0]))

/* Random numbers, with all the special ones on their way through every lane. */
static void draw(isize n, float *x) {
  for (isize i = 0; i < n; i++) x[i] = i % 5 ? uniform(-20, 20) : special[(n + i / 5) % SPECIAL];
}

/* gelu_tanh rounds an exponent: where its result is tiny only units of x make sense. */
static double scale_of(const char *name, double x, double y) { return strcmp(name, "gelu_tanh") ? y : x; }

static void check_map(map f, const char *name, double (*reference)(double x), double units) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("%s, n %td", name, n); next_place();) {
      float *x = floats(n), *y = floats(n), *alone = floats(1);
      draw(n, x);
      f(n, x, y);
      for (isize i = 0; i < n; i++) {
        const double expected = reference(x[i]);
        expect_units(i, y[i], expected, scale_of(name, x[i], expected), units);
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
    for (isize i = 0; i < n; i++) {
      const double expected = reference(x[i]);
      expect_units(i, y[i], expected, scale_of(name, x[i], expected), units);
    }
  }
}

/* The bounds that csrc/elementary.h states. */
void check_exp(const fastnn_table *t) { check_map(t->exp, "exp", exp, 1.5); }
void check_log(const fastnn_table *t) { check_map(t->log, "log", log, 1.5); }
void check_erf(const fastnn_table *t) { check_map(t->erf, "erf", erf, 3); }

#define SELU_ALPHA 1.6732632423543772848
#define SELU_SCALE 1.0507009873554804934
#define ROOT_2 1.4142135623730950488
#define ROOT_2_PI 2.5066282746310005024 /* of 2 pi */

/* What is beyond all floats, but finite: 0 times infinity has no limit. */
static double bounded(double x) { return x > 1e300 ? 1e300 : x < -1e300 ? -1e300 : x; }
static double twice_u(double x) { return 4 / ROOT_2_PI * (x + 0.044715 * x * x * x); }

static double identity_of(double x) { return x; }
static double relu_of(double x) { return x < 0 ? 0 : x; }
static double sigmoid_of(double x) { return 1 / (1 + exp(-x)); }
static double tanh_of(double x) { return tanh(x); }
static double step_of(double x) { return isnan(x) ? x : x >= 0; }
static double leaky_relu_of(double x) { return x > 0 ? x : 0.01 * x; }
static double elu_of(double x) { return x > 0 ? x : expm1(x); }
static double selu_of(double x) { return SELU_SCALE * (x > 0 ? x : SELU_ALPHA * expm1(x)); }
static double softplus_of(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
static double softsign_of(double x) { return bounded(x) / (1 + fabs(bounded(x))); }
static double gelu_of(double x) { return x > 1e30 ? x : bounded(x) * erfc(-x / ROOT_2) / 2; }
static double gelu_tanh_of(double x) { return x > 1e30 ? x : bounded(x) * sigmoid_of(twice_u(x)); }
static double silu_of(double x) { return x > 1e30 ? x : bounded(x) * sigmoid_of(x); }
static double hard_sigmoid_of(double x) { return x < -3 ? 0 : x > 3 ? 1 : (x + 3) / 6; }
static double hard_tanh_of(double x) { return x < -1 ? -1 : x > 1 ? 1 : x; }
static double relu6_of(double x) { return x < 0 ? 0 : x > 6 ? 6 : x; }
static double exp_of(double x) { return exp(x); }
static double square_of(double x) { return x * x; }
static double absolute_of(double x) { return fabs(x); }
static double mish_of(double x) { return x > 1e30 ? x : bounded(x) * tanh(softplus_of(x)); }
static double hard_swish_of(double x) { return x < -3 ? 0 : x > 3 ? x : x * (x + 3) / 6; }

/* dy f', of the output y = f(x), or for those that are not monotonic of x. */
static double identity_gradient(double y, double dy) { return (void)y, dy; }
static double relu_gradient(double y, double dy) { return y <= 0 ? 0 : dy; }
static double sigmoid_gradient(double y, double dy) { return dy * y * (1 - y); }
static double tanh_gradient(double y, double dy) { return dy * (1 - y * y); }
static double step_gradient(double y, double dy) { return (void)dy, isnan(y) ? y : 0; }
static double leaky_relu_gradient(double y, double dy) { return y > 0 ? dy : 0.01 * dy; }
static double elu_gradient(double y, double dy) { return y > 0 ? dy : dy * (y + 1); }
static double selu_gradient(double y, double dy) { return dy * (y > 0 ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA); }
static double softplus_gradient(double y, double dy) { return -dy * expm1(-y); }
static double softsign_gradient(double y, double dy) { return dy * (1 - fabs(y)) * (1 - fabs(y)); }
static double gelu_gradient(double x, double dy) {
  return dy * (erfc(-x / ROOT_2) / 2 + bounded(x) * exp(-x * x / 2) / ROOT_2_PI);
}
static double sigmoid_gated_gradient(double x, double v, double dv, double dy) {
  const double s = sigmoid_of(v), rest = sigmoid_of(-v);
  return dy * (s + (rest && s ? x * dv * s * rest : 0));
}
static double gelu_tanh_gradient(double x, double dy) {
  return sigmoid_gated_gradient(x, twice_u(x), 4 / ROOT_2_PI * (1 + 3 * 0.044715 * x * x), dy);
}
static double silu_gradient(double x, double dy) { return sigmoid_gated_gradient(x, x, 1, dy); }
static double hard_sigmoid_gradient(double y, double dy) { return y <= 0 || y >= 1 ? 0 : dy / 6; }
static double hard_tanh_gradient(double y, double dy) { return fabs(y) >= 1 ? 0 : dy; }
static double relu6_gradient(double y, double dy) { return y <= 0 || y >= 6 ? 0 : dy; }
static double exp_gradient(double y, double dy) { return dy * y; }
static double square_gradient(double x, double dy) { return (float)(dy * 2 * x); } /* which may be infinite */
static double absolute_gradient(double x, double dy) { return isnan(x) ? x : dy * ((x > 0) - (x < 0)); }
static double mish_gradient(double x, double dy) {
  const double t = tanh(softplus_of(x));
  return dy * (t + bounded(x) * (1 - t * t) * sigmoid_of(x));
}
static double hard_swish_gradient(double x, double dy) { return x <= -3 ? 0 : x >= 3 ? dy : dy * (x / 3 + 0.5); }

/* The bounds that csrc/activation.h states, in half units. */
enum {
  identity_halves = 0,
  relu_halves = 0,
  sigmoid_halves = 6,
  tanh_halves = 4,
  step_halves = 0,
  leaky_relu_halves = 2,
  elu_halves = 2,
  selu_halves = 4,
  softplus_halves = 4,
  softsign_halves = 3,
  gelu_halves = 20,
  gelu_tanh_halves = 4,
  silu_halves = 7,
  hard_sigmoid_halves = 3,
  hard_tanh_halves = 0,
  relu6_halves = 0,
  exp_halves = 3,
  square_halves = 1,
  absolute_halves = 0,
  mish_halves = 10,
  hard_swish_halves = 5
};

#define REFERENCE(name, source) {#name, #source, name##_of, name##_gradient, name##_halves / 2.0},
const activation activations[] = {FASTNN_ACTIVATIONS(REFERENCE)};

static row_map rows_of; /* the activation that is being checked */
static void one_row(isize n, const float *x, float *y) { rows_of(1, n, x, y, n); }

/* Rows with gaps, each as it is alone. */
static void check_rows(gradient_map gradient, const activation *reference) {
  for (isize n = 1; n <= TAILS; n += 3)
    for (places("rows of %s, n %td", reference->name, n); next_place();) {
      const isize rows = 1 + n % 5, row = n + 3, y_row = n + 1;
      float *x = matrix(rows, n, row), *y = matrix(rows, n, row), *alone = floats(n);
      float *dy = random_matrix(rows, n, row), *dx = matrix(rows, n, row), *source = random_matrix(rows, n, y_row);
      for (isize i = 0; i < rows; i++) draw(n, x + i * row);
      rows_of(rows, n, x, y, row);
      gradient(rows, n, source, y_row, dy, dx, row);
      for (isize i = 0; i < rows; i++) {
        one_row(n, x + i * row, alone);
        expect_same(i, n, alone, y + i * row);
        gradient(1, n, source + i * y_row, n, dy + i * row, alone, n);
        expect_same(i, n, alone, dx + i * row);
      }
    }
}

static void check_gradient(gradient_map gradient, const activation *reference) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("gradient of %s, n %td", reference->name, n); next_place();) {
      float *y = floats(n), *dy = random_floats(n), *dx = floats(n), *alone = floats(1);
      draw(n, y);
      if (*reference->source == 'y') one_row(n, y, y);
      gradient(1, n, y, n, dy, dx, n);
      for (isize i = 0; i < n; i++) {
        const double wanted = reference->gradient(y[i], dy[i]);
        expect(0, i, dx[i], wanted, 5 * UNIT * fmax(fabs(dy[i]), fabs(wanted))); /* a few roundings */
        gradient(1, 1, y + i, 1, dy + i, alone, 1);
        expect_same(i, 1, alone, dx + i);
      }
      gradient(1, n, y, n, dy, dy, n);
      expect_same(0, n, dy, dx);
    }
}

void check_activations(const fastnn_table *t) {
  for (int a = 0; a < fastnn_activations; a++) {
    rows_of = t->activation[a];
    check_map(one_row, activations[a].name, activations[a].of, activations[a].units);
    check_rows(t->activation_gradient[a], &activations[a]);
    check_gradient(t->activation_gradient[a], &activations[a]);
  }
}
