/* The product with its start and its end. */
#include <math.h>
#include <string.h>

#include "check.h"

#define MOST 500000 /* elements of a matrix */
#define MOST_COLUMNS 400
#define STEEPEST 2 /* the greatest slope of all activations but exp and square: selu's reaches 1.76 */

/* What a case is, in addition to its sizes: bits of `kind`. */
enum { with_bias = 1, with_gaps = 2, with_special = 4, with_y = 8, with_z = 16, with_add = 32, activation_at = 6 };

/* How the same product may be stored: as forward, as the input's gradient, as the weight's; and with B packed. */
static const struct {
  int a_turned, b_turned, b_packed;
} forms[] = {{0, 0, 0}, {0, 1, 0}, {1, 0, 0}, {0, 0, 1}, {0, 1, 1}};
#define FORMS 5

static struct {
  isize m, n, k;
  int kind, activation;
  float a[MOST], b[MOST], bias[MOST_COLUMNS], before[MOST], y[MOST];
  double z[MOST], c[MOST], bound[MOST], z_bound[MOST];
} s; /* too large for the stack */

/* Each term of a sum may be rounded once for each that follows, and all at the end by the activation. */
static void refer(isize i, isize j) {
  double sum = s.kind & with_add ? s.before[i * s.n + j] : s.kind & with_bias ? s.bias[j] : 0, size = fabs(sum);
  for (isize k = 0; k < s.k; k++) {
    const double term = (double)s.a[i * s.k + k] * s.b[k * s.n + j];
    sum += term;
    size += fabs(term);
  }
  const activation *f = &activations[s.activation];
  const isize at = i * s.n + j;
  s.z[at] = sum;
  s.z_bound[at] = isfinite(sum) ? (double)(s.k + 10) * UNIT * size : 8 * UNIT;
  s.c[at] = s.kind & with_y ? f->gradient(s.y[at], sum) : f->of(sum);
  const double source = s.kind & with_y ? s.y[at] : *f->source == 'x' ? sum : s.c[at];
  s.bound[at] = fmax(STEEPEST, fabs(f->gradient(source, 1))) * s.z_bound[at];
  if (!(s.kind & with_y)) s.bound[at] += 2 * f->units * UNIT * fmax(1, fabs(s.c[at]));
  if (!(s.kind & with_y) && s.activation == fastnn_step && fabs(sum) <= s.z_bound[at]) s.bound[at] = 1;
}

static void draw(isize m, isize n, isize k, int kind) {
  if (m * k > MOST || k * n > MOST || m * n > MOST || n > MOST_COLUMNS) fail("the case is too large");
  s.m = m, s.n = n, s.k = k, s.kind = kind, s.activation = (kind >> activation_at) % fastnn_activations;
  for (isize i = 0; i < m * k; i++) s.a[i] = uniform(-1, 1);
  for (isize i = 0; i < k * n; i++) s.b[i] = uniform(-1, 1);
  for (isize i = 0; i < n; i++) s.bias[i] = uniform(-1, 1);
  for (isize i = 0; i < m * n; i++) s.before[i] = uniform(-1, 1);
  const activation *f = &activations[s.activation];
  for (isize i = 0; i < m * n; i++) s.y[i] = (float)(*f->source == 'x' ? uniform(-2, 2) : f->of(uniform(-2, 2)));
  if (kind & with_special && k) { /* a row of infinities, a column of NaN */
    s.a[m / 2 * k + k - 1] = INFINITY;
    s.b[n - 1] = NAN;
  }
  for (isize i = 0; i < m; i++)
    for (isize j = 0; j < n; j++) refer(i, j);
}

/* A matrix of the case, as it is or transposed, with a gap after each row. */
static const float *lay(isize rows, isize columns, const float *x, int turned, isize *row, isize *column) {
  const isize width = turned ? rows : columns, stride = width + (s.kind & with_gaps ? 3 : 0);
  float *p = matrix(turned ? columns : rows, width, stride);
  *row = turned ? 1 : stride;
  *column = turned ? stride : 1;
  for (isize i = 0; i < rows; i++)
    for (isize j = 0; j < columns; j++) p[i * *row + j * *column] = x[i * columns + j];
  return p;
}

/* Panels of t->panel columns, the last of them as wide as one vector if that is enough. */
static isize panels_width(const fastnn_table *t, isize n) {
  const isize last = n % t->panel;
  return n - last + (last > t->lanes ? t->panel : last ? t->lanes : 0);
}

static const float *pack(const fastnn_table *t, const float *b, isize b_row, isize b_column) {
  float *panels = floats(s.k * panels_width(t, s.n));
  t->pack(s.k, s.n, b, b_row, b_column, panels);
  return panels;
}

/* Computes it, with as much scratch memory as it may use. */
static void multiply(const fastnn_table *t, const fastnn_product *p) {
  static float scratch[FASTNN_PRODUCT_SCRATCH];
  t->product(p,
             fastnn_few_rows(p) ? NULL : scratch + (p->b_packed ? FASTNN_PRODUCT_SCRATCH - FASTNN_PRODUCT_STRIP : 0));
}

/* The part of a product from row i and column j on, into c. */
static fastnn_product part_of(const fastnn_product *p, isize i, isize m, isize j, float *c) {
  fastnn_product part = *p;
  part.m = m, part.n = p->n - j, part.c = c, part.c_row = part.n;
  part.a += i * p->a_row;
  part.b += p->b_packed ? j * p->k : j * p->b_column;
  if (p->bias) part.bias += j;
  if (p->y) part.y += i * p->y_row + j;
  return part;
}

/* C as it is before the product: what is added to, or NaN. */
static void lay_before(isize m, isize n, const float *before, float *c, isize c_row) {
  for (isize i = 0; i < m; i++)
    for (isize j = 0; j < n; j++) c[i * c_row + j] = s.kind & with_add ? before[i * s.n + j] : NAN;
}

/* The product c with its rows from i on elsewhere. */
static void check_beside(const fastnn_table *t, const fastnn_product *p, isize i, const float *c) {
  const isize n = p->n, rest = p->m - i;
  float *upper = floats(i * n), *lower = matrix(rest, n, n + 2);
  fastnn_product parted = part_of(p, 0, i, 0, upper);
  parted.z = NULL;
  parted.beside = (fastnn_rows){rest, p->a + i * p->a_row, p->a_row, p->a_column, lower, n + 2};
  lay_before(i, n, s.before, upper, n);
  lay_before(rest, n, s.before + i * n, lower, n + 2);
  multiply(t, &parted);
  for (isize r = 0; r < p->m; r++)
    expect_same(r, n, r < i ? upper + r * n : lower + (r - i) * (n + 2), c + r * p->c_row);
}

/* What the sums of B's columns start from. */
static void lay_sums(const fastnn_product *p, float *sum) {
  for (isize j = 0; j < p->n; j++) sum[j] = p->add ? s.before[j] : NAN;
}

/* They have the bits that one call for all rows gives. */
static void check_sums(const fastnn_table *t, const fastnn_product *p, float *wanted) {
  lay_sums(p, wanted);
  t->column_sum(p->k, p->n, p->b, p->b_row, p->add, wanted);
  expect_same(0, p->n, p->b_sum, wanted);
}

static void check_forms(const fastnn_table *t) {
  const float *first = NULL;
  const isize m = s.m, n = s.n, c_row = n + (s.kind & with_gaps ? 5 : 0), i = m / 2;
  isize column;
  fastnn_product p = {.m = m, .n = n, .k = s.k, .c_row = c_row, .activation = s.activation, .add = s.kind & with_add};
  if (s.kind & with_bias) p.bias = lay(1, n, s.bias, 0, &column, &column);
  if (s.kind & with_y) p.y = lay(m, n, s.y, 0, &p.y_row, &column);
  const int keeps = s.kind & with_z && !(s.kind & (with_y | with_add)) && s.activation != fastnn_identity;
  float *row_alone = floats(n), *columns_alone = floats(m * n), *sum = floats(n), *wanted = floats(n);
  float *z = keeps ? matrix(m, n, c_row) : NULL, *part_z = keeps ? floats(m * n) : NULL;
  for (int form = 0; form < FORMS; form++) {
    float *c = p.c = matrix(m, n, c_row);
    p.a = lay(m, s.k, s.a, forms[form].a_turned, &p.a_row, &p.a_column);
    p.b = lay(s.k, n, s.b, forms[form].b_turned, &p.b_row, &p.b_column);
    p.b_packed = forms[form].b_packed;
    if (p.b_packed) p.b = pack(t, p.b, p.b_row, p.b_column);
    lay_before(m, n, s.before, c, c_row);
    p.z = z;
    p.b_sum = forms[form].b_turned || p.b_packed ? NULL : sum;
    if (p.b_sum) lay_sums(&p, p.b_sum);
    multiply(t, &p);
    if (p.b_sum) check_sums(t, &p, wanted);
    p.b_sum = NULL;
    for (isize r = 0; keeps && r < m; r++)
      for (isize q = 0; q < n; q++) expect(r, q, z[r * c_row + q], s.z[r * n + q], s.z_bound[r * n + q]);
    p.z = part_z;
    const isize j = p.b_packed ? n / 2 / t->panel * t->panel : n / 3; /* packed, only whole panels can be left out */
    const fastnn_product row = part_of(&p, i, 1, 0, row_alone), columns = part_of(&p, 0, m, j, columns_alone);
    lay_before(1, n, s.before + i * n, row_alone, n);
    lay_before(m, n - j, s.before + j, columns_alone, n - j);
    multiply(t, &row);
    multiply(t, &columns);
    expect_same(i, n, row_alone, c + i * c_row);
    for (isize r = 0; r < m; r++) {
      for (isize q = 0; q < n; q++) expect(r, q, c[r * c_row + q], s.c[r * n + q], s.bound[r * n + q]);
      expect_same(r, n - j, columns_alone + r * (n - j), c + r * c_row + j);
      if (first) expect_same(r, n, c + r * c_row, first + r * c_row);
    }
    if (!p.bias && !p.y && s.activation == fastnn_identity) check_beside(t, &p, i, c);
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
  const isize rows[] = {1, 3, 7, 26}, columns[] = {1, 33, 3 * t->panel + 1, 12 * t->panel + 1, 150};
  const isize block = 12288 / t->panel, depths[] = {0, block / 2, block, block + 1, 2 * block, 2 * block + 1};
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
  /* Nothing to sum; and as much as csrc/dense.h takes at a time, once and twice, and more. */
  for (int j = 0; j < 5; j++)
    for (int k = 0; k < 6; k++) check_sizes(t, rows[(j + k) % 4], columns[j], depths[k]);
  /* More rows, for which the pieces of B are larger: two in each direction. */
  for (int again = 0; again < 2; again++) check_sizes(t, 257, 12 * t->panel + 1, block + 1);
  /* Strides whose lines fall into one set of a cache; twice, for gaps shift them. */
  for (int again = 0; again < 2; again++) {
    check_sizes(t, 26, 70, 1024);
    check_sizes(t, 1024, 70, 26);
  }
}

/* Each element is where the definition says, zeros are after the last column. */
void check_pack(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int turned = 0; turned < 2; turned++)
      for (isize k = 1 + n % 4; k <= TAILS; k += 1 + n % 7) {
        draw(1, n, k, n % 2 ? with_gaps : 0);
        for (places("k %td, n %td, turned %d", k, n, turned); next_place();) {
          isize b_row, b_column;
          const float *b = lay(k, n, s.b, turned, &b_row, &b_column), *panels = pack(t, b, b_row, b_column);
          for (isize j = 0; j < panels_width(t, n); j++) {
            const isize before = j / t->panel * t->panel, left = panels_width(t, n) - before;
            const isize width = left < t->panel ? left : t->panel;
            for (isize i = 0; i < k; i++)
              expect(i, j, panels[before * k + i * width + j - before], j < n ? s.b[i * n + j] : 0, 0);
          }
        }
      }
}
