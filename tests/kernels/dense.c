/* The product with its start and its end, the sums of columns, and the measure of the peak. */
#include <math.h>
#include <string.h>

#include "check.h"

#define MOST_ROWS 100
#define MOST_DEPTH 700

/* What a case is, beside its sizes: bits of `kind`. */
enum { with_bias = 1, with_gaps = 2, with_special = 4, with_y = 8, activation_at = 4 };

/* How the same product may lie in memory: as forward, as the input's gradient, as the weight's. */
static const struct {
  int a_turned, b_turned;
} forms[] = {{0, 0}, {0, 1}, {1, 0}};
#define FORMS 3

static struct {
  isize m, n, k;
  int kind, activation;
  float a[MOST_ROWS * MOST_DEPTH], b[MOST_DEPTH * MOST_ROWS], bias[MOST_ROWS], y[MOST_ROWS * MOST_ROWS];
  double c[MOST_ROWS * MOST_ROWS], bound[MOST_ROWS * MOST_ROWS];
} s; /* too large for the stack */

/* Each term of a sum may be rounded once for each that follows, and all at the end by the activation. */
static void refer(isize i, isize j) {
  double sum = s.kind & with_bias ? s.bias[j] : 0, size = fabs(sum);
  for (isize k = 0; k < s.k; k++) {
    const double term = (double)s.a[i * s.k + k] * s.b[k * s.n + j];
    sum += term;
    size += fabs(term);
  }
  const activation *f = &activations[s.activation];
  s.c[i * s.n + j] = s.kind & with_y ? f->gradient(s.y[i * s.n + j], sum) : f->of(sum);
  s.bound[i * s.n + j] = isfinite(sum) ? (double)(s.k + 10) * UNIT * size : 8 * UNIT;
  if (!(s.kind & with_y)) s.bound[i * s.n + j] += 2 * f->units * UNIT;
}

static void draw(isize m, isize n, isize k, int kind) {
  s.m = m, s.n = n, s.k = k, s.kind = kind, s.activation = (kind >> activation_at) % fastnn_activations;
  for (isize i = 0; i < m * k; i++) s.a[i] = uniform(-1, 1);
  for (isize i = 0; i < k * n; i++) s.b[i] = uniform(-1, 1);
  for (isize i = 0; i < n; i++) s.bias[i] = uniform(-1, 1);
  for (isize i = 0; i < m * n; i++) s.y[i] = (float)activations[s.activation].of(uniform(-2, 2));
  if (kind & with_special && k) { /* a row of infinities, a column of NaN */
    s.a[m / 2 * k + k - 1] = INFINITY;
    s.b[n - 1] = NAN;
  }
  for (isize i = 0; i < m; i++)
    for (isize j = 0; j < n; j++) refer(i, j);
}

/* A matrix of the case, as it lies or turned, with a gap after each row. */
static const float *lay(isize rows, isize columns, const float *x, int turned, isize *row, isize *column) {
  const isize width = turned ? rows : columns, stride = width + (s.kind & with_gaps ? 3 : 0);
  float *p = matrix(turned ? columns : rows, width, stride);
  *row = turned ? 1 : stride;
  *column = turned ? stride : 1;
  for (isize i = 0; i < rows; i++)
    for (isize j = 0; j < columns; j++) p[i * *row + j * *column] = x[i * columns + j];
  return p;
}

/* The part of a product from row i and column j on, into c. */
static fastnn_product part_of(const fastnn_product *p, isize i, isize m, isize j, float *c) {
  fastnn_product part = *p;
  part.m = m, part.n = p->n - j, part.c = c, part.c_row = part.n;
  part.a += i * p->a_row;
  part.b += j * p->b_column;
  if (p->bias) part.bias += j;
  if (p->y) part.y += i * p->y_row + j;
  return part;
}

static void check_forms(const fastnn_table *t) {
  const float *first = NULL;
  const isize m = s.m, n = s.n, c_row = n + (s.kind & with_gaps ? 5 : 0), i = m / 2, j = n / 3;
  isize column;
  fastnn_product p = {.m = m, .n = n, .k = s.k, .c_row = c_row, .activation = s.activation};
  if (s.kind & with_bias) p.bias = lay(1, n, s.bias, 0, &column, &column);
  if (s.kind & with_y) p.y = lay(m, n, s.y, 0, &p.y_row, &column);
  float *row_alone = floats(n), *columns_alone = floats(m * (n - j));
  for (int form = 0; form < FORMS; form++) {
    float *c = p.c = matrix(m, n, c_row);
    p.a = lay(m, s.k, s.a, forms[form].a_turned, &p.a_row, &p.a_column);
    p.b = lay(s.k, n, s.b, forms[form].b_turned, &p.b_row, &p.b_column);
    t->product(&p);
    const fastnn_product row = part_of(&p, i, 1, 0, row_alone), columns = part_of(&p, 0, m, j, columns_alone);
    t->product(&row);
    t->product(&columns);
    expect_same(i, n, row_alone, c + i * c_row);
    for (isize r = 0; r < m; r++) {
      for (isize q = 0; q < n; q++) expect(r, q, c[r * c_row + q], s.c[r * n + q], s.bound[r * n + q]);
      expect_same(r, n - j, columns_alone + r * (n - j), c + r * c_row + j);
      if (first) expect_same(r, n, c + r * c_row, first + r * c_row);
    }
    first = first ? first : c;
  }
}

static void check_sizes(const fastnn_table *t, isize m, isize n, isize k) {
  static int kind; /* every kind has its turn: 37 has no factor in common with their number */
  kind = (kind + 37) % (fastnn_activations << activation_at);
  draw(m, n, k, kind);
  for (places("m %td, n %td, k %td, kind %d", m, n, k, kind); next_place();) check_forms(t);
}

void check_product(const fastnn_table *t) {
  static const isize rows[] = {1, 7, 26}, columns[] = {1, 17, 40, 70}, depths[] = {0, 255, 256, 257, 512, 513, 700};
  /* Every tile, and every cut of a panel, packed or not. */
  for (isize m = 1; m <= 26; m++)
    for (isize n = 1; n <= TAILS; n++) check_sizes(t, m, n, 1 + m * n % 9);
  /* Every length of each size, with other lengths of the others. */
  for (isize d = 1; d <= TAILS; d++) {
    const isize e = 1 + 31 * d % TAILS, f = 1 + 47 * d % TAILS;
    check_sizes(t, d, e, f);
    check_sizes(t, f, d, e);
    check_sizes(t, e, f, d);
  }
  /* Nothing to sum, and more than lies in one block. */
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 4; j++)
      for (int k = 0; k < 7; k++) check_sizes(t, rows[i], columns[j], depths[k]);
}

void check_column_sum(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (places("n %td", n); next_place();) {
      const isize rows = n % 10, x_row = n + n % 3;
      float *x = random_matrix(rows, n, x_row), *y = floats(n), *alone = floats(1);
      if (rows) x[rows / 2 * x_row + n - 1] = NAN;
      t->column_sum(rows, n, x, x_row, y);
      for (isize j = 0; j < n; j++) {
        double sum = 0, size = 0;
        for (isize i = 0; i < rows; i++) sum += x[i * x_row + j], size += fabs(x[i * x_row + j]);
        expect(0, j, y[j], sum, (double)rows * UNIT * size);
        t->column_sum(rows, 1, x + j, x_row, alone);
        expect_same(j, 1, alone, y + j);
      }
    }
}

/* 12 sums a lane, each of which tends to 2. */
void check_peak(const fastnn_table *t) {
  for (places("steps 1000"); next_place();) expect(0, 0, t->peak(1000), 24.0 * (double)t->lanes, 1e-3);
}
