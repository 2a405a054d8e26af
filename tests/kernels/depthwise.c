/* The depthwise convolution and the gradient of its weight, on windows of all kinds. */
#include "check.h"

static const fastnn_axis axes[] = {
    {6, 6, 3, 1, 1, 1},   /* three neighbours, with the borders of "same" */
    {17, 19, 3, 1, 1, 0}, /* more than a tile, without borders */
    {4, 7, 2, 2, 1, 1},   /* stride */
    {5, 6, 3, 1, 2, 1},   /* dilation */
    {9, 11, 4, 1, 1, 1},  /* more rows than are taken at once */
    {7, 2, 3, 1, 1, 4},   /* outputs that see nothing */
    {4, 5, 0, 1, 1, 0},   /* no taps at all */
};
#define AXES ((int)(sizeof axes / sizeof axes[0]))

/* Where tap k of output i is, or -1. */
static isize place(const fastnn_axis *a, isize i, isize k) {
  const isize at = i * a->stride + k * a->dilation - a->before;
  return at >= 0 && at < a->size ? at : -1;
}

/* The case: n channels in the weight; inputs or outputs of `multiplier` each. Pixels of x are one float apart. */
static fastnn_convolution describe(const fastnn_axis *rows, const fastnn_axis *columns, isize in, isize out) {
  fastnn_convolution p = {.rows = *rows, .columns = *columns, .in = in, .out = out};
  p.x_pixel = in + 1, p.x_row = columns->size * p.x_pixel, p.x_image = rows->size * p.x_row;
  p.x = random_matrix(2 * rows->size * columns->size, in, in + 1);
  p.y_pixel = out, p.y_row = columns->outputs * out, p.y_image = rows->outputs * p.y_row;
  return p;
}

/* The sum over the taps of channel o of output (i, j), by rows, then columns; size: of its terms. */
static double sum_of(const fastnn_depthwise *p, const float *weight, isize image, isize i, isize j, isize o,
                     double *size) {
  const fastnn_convolution *m = &p->map;
  const isize c = m->out > m->in ? o / (m->out / m->in) : o;
  double sum = 0;
  for (isize a = 0; a < m->rows.taps; a++)
    for (isize b = 0; b < m->columns.taps; b++) {
      const isize y = place(&m->rows, i, a), x = place(&m->columns, j, b);
      if (y < 0 || x < 0) continue;
      const double term = (double)m->x[image * m->x_image + y * m->x_row + x * m->x_pixel + c] *
                          weight[a * p->weight_row + b * p->weight_tap + o];
      sum += term;
      *size += term < 0 ? -term : term;
    }
  return sum;
}

void check_depthwise(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++) {
    const fastnn_axis *rows = &axes[n % AXES], *columns = &axes[(n / 7 + n) % AXES];
    const isize taps = rows->taps * columns->taps, many = n % 6 == 0 ? 6 : n % 4 == 0 ? 4 : n % 2 == 0 ? 2 : 1;
    for (int folds = 0; folds < (many > 1 ? 2 : 1); folds++) {
      const isize multiplier = n % 5 == 2 ? 1 : many, few = n / multiplier;
      for (places("n %td, multiplier %td, folds %d", n, multiplier, folds); next_place();) {
        fastnn_depthwise p = {describe(rows, columns, folds ? n : few, folds ? few : n), 0, 0};
        fastnn_convolution *m = &p.map;
        float *const weight = random_floats(taps * n), *first = weight;
        p.weight_tap = n, p.weight_row = n * columns->taps;
        if (n % 3 == 0 && taps) { /* the other way round */
          first = weight + (taps - 1) * n;
          p.weight_tap = -n, p.weight_row = -p.weight_row;
        }
        m->weight = first;
        m->bias = folds || n % 4 == 1 ? NULL : random_floats(n);
        m->y = floats(2 * m->y_image);
        m->z = n % 5 == 0 ? floats(2 * m->y_image) : NULL;
        m->activation = m->z ? fastnn_gelu : n % 2 ? fastnn_relu : fastnn_identity;
        m->source = n % 7 == 0 && !m->z ? random_floats(2 * m->y_image) : NULL;
        for (isize image = 0; image < 2; image++) { /* in two shares */
          t->depthwise(&p, image, rows->outputs / 2, rows->outputs);
          t->depthwise(&p, image, 0, rows->outputs / 2);
        }
        for (isize at = 0; at < 2 * rows->outputs * columns->outputs; at++) {
          const isize image = at / (rows->outputs * columns->outputs);
          const isize i = at / columns->outputs % rows->outputs, j = at % columns->outputs;
          for (isize o = 0; o < m->out; o++) {
            double sum = m->bias ? m->bias[o] : 0, size = sum < 0 ? -sum : sum;
            for (isize k = 0; k < (folds ? multiplier : 1); k++)
              sum += sum_of(&p, first, image, i, j, folds ? o * multiplier + k : o, &size);
            const double bound = 2 * (double)(taps * multiplier + 10) * UNIT * (size + 1);
            if (m->z) expect(at, o, m->z[at * m->out + o], sum, bound);
            const activation *f = &activations[m->activation];
            const double y = m->source ? f->gradient(m->source[at * m->out + o], sum) : f->of(sum);
            expect(at, o, m->y[at * m->out + o], y, 2 * bound + (m->z ? 2 * f->units * UNIT * (1 + size) : 0));
          }
        }
      }
    }
  }
}

void check_depthwise_weight_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++) {
    const fastnn_axis *rows = &axes[n % AXES], *columns = &axes[(n / 7 + n) % AXES];
    const isize taps = rows->taps * columns->taps, multiplier = n % 5 == 2 ? 1 : n % 6 == 0 ? 6 : n % 2 == 0 ? 2 : 1;
    for (places("n %td, multiplier %td", n, multiplier); next_place();) {
      fastnn_convolution p = describe(rows, columns, n / multiplier, n);
      p.y = random_floats(2 * p.y_image);
      float *dweight = random_floats(taps * n), *before = copy(taps * n, dweight);
      for (isize image = 0; image < 2; image++) {
        t->depthwise_weight_gradient(&p, image, 0, rows->outputs / 2, dweight);
        t->depthwise_weight_gradient(&p, image, rows->outputs / 2, rows->outputs, dweight);
      }
      for (isize tap = 0; tap < taps; tap++)
        for (isize o = 0; o < n; o++) {
          double sum = before[tap * n + o], size = sum < 0 ? -sum : sum;
          for (isize at = 0; at < 2 * rows->outputs * columns->outputs; at++) {
            const isize image = at / (rows->outputs * columns->outputs);
            const isize y = place(rows, at / columns->outputs % rows->outputs, tap / columns->taps);
            const isize x = place(columns, at % columns->outputs, tap % columns->taps);
            if (y < 0 || x < 0) continue;
            const double term =
                (double)p.x[image * p.x_image + y * p.x_row + x * p.x_pixel + o / multiplier] * p.y[at * n + o];
            sum += term;
            size += term < 0 ? -term : term;
          }
          expect(tap, o, dweight[tap * n + o], sum, (double)(2 * rows->outputs * columns->outputs + 4) * UNIT * size);
        }
    }
  }
}
