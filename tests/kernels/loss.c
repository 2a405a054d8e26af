/* Losses: a sum in double, and the gradient times scale and weight. */
#include <math.h>

#include "check.h"

typedef double (*function)(double x, double target);

/* What a loss and its gradient are, and the sizes of the terms of each, of which each may be off by TOLERANCE. */
typedef struct {
  const char *name;
  function value, size, slope, slope_size;
  float setting;
} loss;

#define TOLERANCE (8 * UNIT)
#define MANY 100000 /* too many for a sum in float */
#define DELTA 5.0
#define GAMMA 2.0

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))) + 0 * x; }

static double square(double x, double t) { return (x - t) * (x - t); }
static double square_slope(double x, double t) { return 2 * (x - t); }
static double square_slope_size(double x, double t) { return 2 * fabs(x - t); }

static double distance(double x, double t) { return fabs(x - t); }
static double distance_slope(double x, double t) { return isnan(x) ? x : (x > t) - (x < t); }
static double nothing(double x, double t) { return 0 * x * t; }

static double huber_slope(double x, double t) { return isnan(x) ? x : fmin(DELTA, fmax(-DELTA, x - t)); }
static double huber(double x, double t) { return huber_slope(x, t) * (x - t - huber_slope(x, t) / 2); }
static double huber_size(double x, double t) { return fabs(huber_slope(x, t)) * (fabs(x - t) + DELTA); }

static double binary(double x, double t) { return softplus(x) - x * t; }
static double binary_size(double x, double t) { return fabs(x * t) + softplus(x); }
static double binary_slope(double x, double t) { return sigmoid(x) - t; }
static double binary_slope_size(double x, double t) { return sigmoid(x) + t; }

static double sign(double t) { return t >= 0.5 ? 1 : -1; }
static double hinge(double x, double t) { return isnan(x) ? x : fmax(0, 1 - sign(t) * x); }
static double hinge_size(double x, double t) { return 1 + fabs(x) + 0 * t; }
static double hinge_slope(double x, double t) { return isnan(x) ? x : 1 - sign(t) * x > 0 ? -sign(t) : 0; }

static double poisson(double x, double t) { return exp(x) - x * t; }
static double poisson_size(double x, double t) { return exp(x) + fabs(x * t); }
static double poisson_slope(double x, double t) { return exp(x) - t; }
static double poisson_slope_size(double x, double t) { return exp(x) + t; }

/* The exponent of a power is off by what its logarithm is, times gamma. */
static double focal(double x, double t) {
  return t * exp(-GAMMA * softplus(x)) * softplus(-x) + (1 - t) * exp(-GAMMA * softplus(-x)) * softplus(x);
}
static double focal_size(double x, double t) { return focal(x, t) * (1 + GAMMA * fabs(x)); }
static double focal_slope(double x, double t) {
  const double p = sigmoid(x), q = sigmoid(-x);
  return (1 - t) * exp(-GAMMA * softplus(-x)) * (GAMMA * q * softplus(x) + p) -
         t * exp(-GAMMA * softplus(x)) * (GAMMA * p * softplus(-x) + q);
}
static double focal_slope_size(double x, double t) {
  const double p = sigmoid(x), q = sigmoid(-x);
  return (1 + GAMMA * fabs(x)) * ((1 - t) * exp(-GAMMA * softplus(-x)) * (GAMMA * q * softplus(x) + p) +
                                  t * exp(-GAMMA * softplus(x)) * (GAMMA * p * softplus(-x) + q));
}

static const loss losses[] = {
    [fastnn_loss_mse] = {"mse", square, square, square_slope, square_slope_size, 0},
    [fastnn_loss_mae] = {"mae", distance, distance, distance_slope, nothing, 0},
    [fastnn_loss_huber] = {"huber", huber, huber_size, huber_slope, square_slope_size, DELTA},
    [fastnn_loss_binary_cross_entropy] = {"binary", binary, binary_size, binary_slope, binary_slope_size, 0},
    [fastnn_loss_hinge] = {"hinge", hinge, hinge_size, hinge_slope, nothing, 0},
    [fastnn_loss_poisson] = {"poisson", poisson, poisson_size, poisson_slope, poisson_slope_size, 0},
    [fastnn_loss_focal] = {"focal", focal, focal_size, focal_slope, focal_slope_size, GAMMA},
};

/* weighted: every third row has weight 0, which hides a NaN. dx NULL asks for the loss alone. */
static void check_rows(const fastnn_table *t, int l, isize rows, isize n, int nan, int weighted) {
  const loss *of = &losses[l];
  for (places("%s, rows %td, n %td, NaN %d, weights %d", of->name, rows, n, nan, weighted); next_place();) {
    const float scale = uniform(0.01, 2);
    float *x = floats(rows * n), *target = floats(rows * n), *dx = floats(rows * n), *alone = floats(1);
    float *weight = weighted ? floats(rows) : NULL;
    double expected = 0, size = 0;
    for (isize i = 0; i < rows * n; i++) x[i] = uniform(-30, 30), target[i] = i % 3 ? uniform(0, 1) : (float)(i % 2);
    for (isize i = 0; i < rows && weight; i++) weight[i] = i % 3 == 1 ? 0 : uniform(0.1, 3);
    x[rows * n - 1] = 0.5f, target[rows * n - 1] = 0.5f;
    if (nan) x[rows * n / 2] = NAN;
    if (weighted && rows > 1) x[n] = NAN;
    const double sum = returned(t->loss[l](rows, n, x, target, weight, of->setting, scale, dx));
    for (isize i = 0; i < rows * n; i++) {
      const double w = weight ? weight[i / n] : 1, xi = w == 0 ? 0 : x[i], ti = target[i];
      const double bound = TOLERANCE * w * of->size(xi, ti), value = w == 0 ? 0 : w * of->value(xi, ti);
      expected += value;
      size += w * of->size(xi, ti);
      expect(i / n, i % n, dx[i], w == 0 ? 0 : w * scale * of->slope(xi, ti),
             TOLERANCE * scale * w * (of->slope_size(xi, ti) + fabs(of->slope(xi, ti))));
      if (rows * n > TAILS * TAILS) continue;
      const float *own = weight ? weight + i / n : NULL;
      expect(-1, i, t->loss[l](1, 1, x + i, target + i, own, of->setting, scale, alone), value, bound);
      expect_same(i, 1, alone, dx + i);
    }
    expect(-1, -1, sum, expected, TOLERANCE * size);
    expect(-1, -2, t->loss[l](rows, n, x, target, weight, of->setting, scale, NULL), expected, TOLERANCE * size);
  }
}

void check_losses(const fastnn_table *t) {
  for (int l = 0; l < fastnn_losses; l++) {
    for (isize n = 1; n <= TAILS; n++) {
      check_rows(t, l, 1, n, 0, 0);
      check_rows(t, l, 1, n, 1, 0);
      check_rows(t, l, n, 1, 0, 1); /* a column: weights in a vector */
      check_rows(t, l, 4, n, 0, 1);
    }
    check_rows(t, l, MANY, 1, 0, 0);
  }
}

void check_cosine(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int weighted = 0; weighted < 2; weighted++)
      for (places("n %td, weights %d", n, weighted); next_place();) {
        enum { rows = 6 };
        const float scale = uniform(0.01, 2);
        float *x = random_floats(rows * n), *target = random_floats(rows * n), *dx = floats(rows * n);
        float *weight = weighted ? floats(rows) : NULL;
        double expected = 0;
        for (isize j = 0; j < n; j++) x[j] = 0, target[n + j] = 0, x[2 * n + j] *= 1e30f, target[3 * n + j] *= 1e-30f;
        for (isize j = 0; j < n; j++) x[4 * n + j] = 3 * target[4 * n + j];
        for (isize i = 0; i < rows && weight; i++) weight[i] = uniform(0.1, 3);
        if (weight) weight[rows - 1] = 0, x[rows * n - 1] = NAN;
        const double sum = returned(t->cosine(rows, n, x, target, weight, scale, dx));
        for (isize i = 0; i < rows; i++) {
          const double w = weight ? weight[i] : 1;
          double xx = 0, tt = 0, xt = 0;
          for (isize j = 0; j < n && w > 0; j++) {
            const double a = x[i * n + j], b = target[i * n + j];
            xx += a * a, tt += b * b, xt += a * b;
          }
          const double length = sqrt(xx) * sqrt(tt);
          expected += length > 0 ? w * (1 - xt / length) : w;
          for (isize j = 0; j < n; j++) {
            const double away = length > 0 ? target[i * n + j] / length : 0;
            const double along = length > 0 ? xt / length * x[i * n + j] / xx : 0;
            expect(i, j, dx[i * n + j], w * scale * (along - away),
                   4 * UNIT * w * scale * fabs(along - away) + 1e-12 * fabs(away));
          }
        }
        expect(-1, -1, sum, expected, 1e-12 * rows);
      }
}

void check_dice(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int weighted = 0; weighted < 2; weighted++)
      for (places("n %td, weights %d", n, weighted); next_place();) {
        enum { rows = 5 };
        const float scale = uniform(0.01, 2), smooth = uniform(0.01, 2);
        float *x = random_floats(rows * n), *target = floats(rows * n), *dx = floats(rows * n);
        float *weight = weighted ? floats(rows) : NULL;
        double expected = 0;
        for (isize i = 0; i < rows * n; i++) x[i] *= 5, target[i] = i % 3 ? uniform(0, 1) : i % 2;
        for (isize j = 0; j < n; j++) x[j] = target[j] > 0.5 ? 60 : -60, target[n + j] = 0;
        for (isize i = 0; i < rows && weight; i++) weight[i] = uniform(0.1, 3);
        if (weight) weight[rows - 1] = 0, x[rows * n - 1] = NAN;
        const double sum = returned(t->dice(rows, n, x, target, weight, smooth, scale, dx));
        for (isize i = 0; i < rows; i++) {
          const double w = weight ? weight[i] : 1;
          double overlap = smooth, size = smooth;
          for (isize j = 0; j < n && w > 0; j++) {
            const double p = sigmoid(x[i * n + j]), a = target[i * n + j];
            overlap += 2 * p * a, size += p + a;
          }
          expected += w > 0 ? w * (1 - overlap / size) : 0;
          for (isize j = 0; j < n; j++) {
            const double a = target[i * n + j], p = sigmoid(x[i * n + j]), q = sigmoid(-x[i * n + j]);
            const double slope = w > 0 ? w * scale * p * q / size : 0;
            expect(i, j, dx[i * n + j], slope * (overlap / size - 2 * a), TOLERANCE * slope * (overlap / size + 2 * a));
          }
        }
        expect(-1, -1, sum, expected, TOLERANCE * rows * 3);
      }
}
