/* What the checks share: buffers between guard pages, numbers, comparisons. A check calls one kernel of a table in many
 * cases and compares it with a naive reference in double; the first that fails ends the program.
 *
 *   for (places("n %td", n); next_place();) { buffers; numbers; the call; comparisons }
 *
 * runs a case once for each place that its buffers may have: flush with a guard page at their end, at their start, and
 * shifted by 4 to 60 bytes. Numbers are the same each time, and all that the buffers hold at the end must be too, bit
 * by bit. A buffer is full of canaries at first; those around it and between its rows must still be there. */
#ifndef CHECK_H
#define CHECK_H

#include "kernels.h"

#define TAILS 70              /* every length up to this one */
#define UNIT (1.0 / 16777216) /* 2^-24: half a unit in the last place of 1.0f, the error of one rounding */

/* Every kernel has its check: a line in FASTNN_KERNELS without check_<name> does not link. */
#define CHECK_DECLARATION(type, name, arguments) void check_##name(const fastnn_table *t);
FASTNN_KERNELS(CHECK_DECLARATION)
void check_activations(const fastnn_table *t);
void check_losses(const fastnn_table *t);

/* An activation's references, by fastnn_activation: f(x), dy f', and the bound of f. */
typedef struct {
  const char *name;
  const char *source; /* what f' is computed from: "y" = f(x), or "x" */
  double (*of)(double x);
  double (*gradient)(double source, double dy);
  double units;
} activation;
extern const activation activations[];

/* Begins a case; the words tell of it where it fails. What runs it, for the same purpose. */
__attribute__((format(printf, 1, 2))) void places(const char *format, ...);
int next_place(void);
void begin(const char *level, const char *check);
long cases(void);

/* Buffers of the present place, which end with it. Items are of 1, 4 or 8 bytes. */
void *items(isize n, isize size);
float *matrix(isize rows, isize columns, isize row); /* element (i, j) at i * row + j */
float *floats(isize n);
float *random_matrix(isize rows, isize columns, isize row);
float *random_floats(isize n);
float *copy(isize n, const float *x);

uint32_t random_bits(void);
float uniform(double low, double high);
float float_of(uint32_t bits);

__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format, ...);
/* |actual - expected| <= bound; a NaN or an infinity equals itself only. i, j: which element. */
void expect(isize i, isize j, double actual, double expected, double bound);
/* The same, in units in the last place of a float at `scale`. */
void expect_units(isize i, double actual, double expected, double scale, double units);
/* The same bits: n floats, from row or element i on, alone and among others. Which NaN one is does not matter. */
void expect_same(isize i, isize n, const float *actual, const float *expected);
/* Of a row of logits, in softmax.c: log sum exp, and whether one is NaN. spoil: what special logits a case has. */
double log_of_sum(isize n, const float *x);
int has_nan(isize n, const float *x);
void spoil(isize rows, isize n, float *x, int how);
/* A number that a kernel returned: the same bits at each place, too. */
double returned(double x);

#endif
