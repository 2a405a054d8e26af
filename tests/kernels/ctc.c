/* Connectionist temporal classification. */
#include <math.h>
#include <stdlib.h>

#include "check.h"

#define TOLERANCE 1e-5

/* log(exp(a) + exp(b)) */
static double log_sum(double a, double b) {
  const double high = fmax(a, b), low = fmin(a, b);
  return high == -INFINITY ? high : high + log1p(exp(low - high));
}

/* The class of a state: blanks and labels take turns. */
static isize class_of(const fastnn_ctc *p, isize s) { return s % 2 ? p->labels[s / 2] : p->blank; }

/* Whether the state can follow the one two before it. */
static int skips(const fastnn_ctc *p, isize s) { return s % 2 && s > 1 && class_of(p, s) != class_of(p, s - 2); }

/* -log of the probability of the labels by the recursion in logarithms; gradient: of it, (times, classes). */
static double reference(const fastnn_ctc *p, double *gradient) {
  const isize n = 2 * p->count + 1, times = p->times, classes = p->classes;
  double *log_p = malloc((size_t)(times * classes) * sizeof(double));
  double *begun = malloc((size_t)(times * n) * sizeof(double)), *ended = malloc((size_t)(times * n) * sizeof(double));
  for (isize t = 0; t < times; t++) {
    const double sum = log_of_sum(classes, p->x + t * classes);
    for (isize c = 0; c < classes; c++) log_p[t * classes + c] = p->x[t * classes + c] - sum;
  }
  for (isize t = 0; t < times; t++)
    for (isize s = 0; s < n; s++) {
      double before = t || s > 1 ? -INFINITY : 0;
      for (isize k = 0; t && k < (skips(p, s) ? 3 : 2) && k <= s; k++)
        before = log_sum(before, begun[(t - 1) * n + s - k]);
      begun[t * n + s] = before + log_p[t * classes + class_of(p, s)];
    }
  for (isize t = times - 1; t >= 0; t--)
    for (isize s = 0; s < n; s++) { /* without the emission of this time */
      double after = t < times - 1 || s < n - 2 ? -INFINITY : 0;
      for (isize k = 0; t < times - 1 && k < 3 && s + k < n; k++)
        if (k < 2 || skips(p, s + k))
          after = log_sum(after, ended[(t + 1) * n + s + k] + log_p[(t + 1) * classes + class_of(p, s + k)]);
      ended[t * n + s] = after;
    }
  double total = begun[times * n - 1];
  if (n > 1) total = log_sum(total, begun[times * n - 2]);
  for (isize t = 0; t < times; t++) {
    double *d = gradient + t * classes;
    for (isize c = 0; c < classes; c++) d[c] = exp(log_p[t * classes + c]);
    for (isize s = 0; s < n; s++) d[class_of(p, s)] -= exp(begun[t * n + s] + ended[t * n + s] - total);
  }
  free(log_p), free(begun), free(ended);
  return -total;
}

/* spread: of the logits. repeats: whether labels often equal the one before. */
static void check_sequence(const fastnn_table *t, isize times, isize classes, isize count, float spread, int repeats) {
  for (places("times %td, classes %td, labels %td, spread %g, repeats %d", times, classes, count, (double)spread,
              repeats);
       next_place();) {
    int32_t *labels = count ? items(count, 4) : NULL;
    const isize blank = random_bits() % (uint32_t)classes;
    isize needed = count;
    for (isize i = 0; i < count; i++) {
      const isize other = random_bits() % (uint32_t)(classes - 1), own = other + (other >= blank);
      labels[i] = i && repeats && random_bits() % 2 ? labels[i - 1] : (int32_t)own;
      needed += i && labels[i] == labels[i - 1];
    }
    float *x = random_floats(times * classes), *dx = floats(times * classes);
    for (isize i = 0; i < times * classes; i++) x[i] *= spread;
    float *scratch = floats(FASTNN_CTC_SCRATCH(times, count));
    const fastnn_ctc p = {times, classes, count, blank, labels, x, dx, 0.5f};
    double loss = returned(t->ctc(&p, scratch)), *gradient = malloc((size_t)(times * classes) * sizeof(double));
    for (isize i = 0; i < FASTNN_CTC_SCRATCH(times, count); i++) scratch[i] = 0; /* what is left there is nobody's */
    if (needed > times) {
      if (loss != INFINITY) fail("%td labels need %td times, but the loss is %g", count, needed, loss);
      for (isize i = 0; i < times * classes; i++) expect(i, 0, dx[i], NAN, 0);
    } else {
      const double expected = reference(&p, gradient);
      expect(-1, -1, loss, expected, 1e-6 * (fabs(expected) + (double)times));
      for (isize i = 0; i < times * classes; i++)
        expect(i / classes, i % classes, dx[i], 0.5 * gradient[i], 0.5 * TOLERANCE);
    }
    free(gradient);
  }
}

/* A logit of -inf is probability 0; a NaN, and a time of no probability at all, are NaN. */
static void check_special(const fastnn_table *t, float value, double expected) {
  for (places("special %g", (double)value); next_place();) {
    int32_t *label = items(1, 4);
    float *x = random_floats(6), *dx = floats(6), *scratch = floats(FASTNN_CTC_SCRATCH(2, 1));
    label[0] = 1;
    x[1] = x[4] = value;
    const fastnn_ctc p = {2, 3, 1, 0, label, x, dx, 1};
    expect(-1, -1, returned(t->ctc(&p, scratch)), expected, 0);
    for (isize i = 0; i < 6; i++) expect(i, 0, dx[i], NAN, 0);
    for (isize i = 0; i < FASTNN_CTC_SCRATCH(2, 1); i++) scratch[i] = 0;
  }
}

void check_ctc(const fastnn_table *t) {
  for (isize count = 0; count <= 40; count += count < 20 ? 1 : 5) {
    check_sequence(t, 2 * count + 1, 2 + count % 7 * 5, count, 1, 1);
    check_sequence(t, count + 1, 37, count, 3, 0);
  }
  for (isize classes = 2; classes <= 40; classes++) check_sequence(t, 12, classes, 4, 2, 1);
  check_sequence(t, 1, 3, 1, 1, 0);
  check_sequence(t, 300, 20, 60, 1, 1);
  check_sequence(t, 100, 20, 30, 100, 1); /* a network that is sure, and wrong: far below what a float can hold */
  check_sequence(t, 40, 20, 10, 5000, 1);
  check_special(t, -INFINITY, INFINITY);
  check_special(t, NAN, NAN);
  check_special(t, INFINITY, NAN);
}
