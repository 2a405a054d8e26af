/* Winograd's convolution: filters and taps by the matrices of the algorithm, the whole against a plain convolution. */
#include "check.h"

#define IMAGES 2

static const fastnn_axis axes[] = {
    {6, 6, 3, 1, 1, 1},   /* the borders of "same" */
    {7, 9, 3, 1, 1, 0},   /* an odd number of outputs, without borders */
    {5, 5, 3, 1, 1, 2},   /* a border before alone */
    {1, 3, 3, 1, 1, 0},   /* one output */
    {14, 14, 3, 1, 1, 1}, /* more than one block of tiles */
};
#define AXES ((int)(sizeof axes / sizeof axes[0]))

static const double inputs[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}; /* B^T */
static const double taps[4][3] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};           /* G */
static const double outputs[4][2] = {{1, 0}, {1, 1}, {1, -1}, {0, -1}};                         /* A */

static double magnitude(double x) { return x < 0 ? -x : x; }

/* Element (r, c) of channel k of a map, 0 outside. */
static double at(const float *x, isize row, isize pixel, isize rows, isize columns, isize r, isize c, isize k) {
  return r >= 0 && r < rows && c >= 0 && c < columns ? x[r * row + c * pixel + k] : 0;
}

static fastnn_convolution describe(isize n, isize in, isize out, int images) {
  fastnn_convolution p = {.rows = axes[n % AXES], .columns = axes[n / AXES % AXES], .in = in, .out = out};
  p.x_pixel = in + n % 2, p.x_row = p.columns.size * p.x_pixel, p.x_image = p.rows.size * p.x_row;
  p.y_pixel = out, p.y_row = p.columns.outputs * out, p.y_image = p.rows.outputs * p.y_row;
  p.x = random_floats(images * p.x_image);
  return p;
}

static isize tiles_of(const fastnn_convolution *p) {
  return (p->rows.outputs + 1) / 2 * ((p->columns.outputs + 1) / 2);
}

/* Element f of a transformed tile; size: of its terms. */
static double input_of(const fastnn_convolution *p, isize t, int f, isize k, double *size) {
  const isize across = (p->columns.outputs + 1) / 2, image = t / tiles_of(p);
  const isize row = t % tiles_of(p) / across * 2 - p->rows.before, column = t % across * 2 - p->columns.before;
  double sum = 0;
  *size = 0;
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      const double term =
          inputs[f / 4][i] * inputs[f % 4][j] *
          at(p->x + image * p->x_image, p->x_row, p->x_pixel, p->rows.size, p->columns.size, row + i, column + j, k);
      sum += term, *size += magnitude(term);
    }
  return sum;
}

static double gradient_of(const fastnn_convolution *p, isize t, int f, isize k, double *size) {
  const isize across = (p->columns.outputs + 1) / 2, image = t / tiles_of(p);
  double sum = 0;
  *size = 0;
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++) {
      const double term = outputs[f / 4][i] * outputs[f % 4][j] *
                          at(p->y + image * p->y_image, p->y_row, p->y_pixel, p->rows.outputs, p->columns.outputs,
                             t % tiles_of(p) / across * 2 + i, t % across * 2 + j, k);
      sum += term, *size += magnitude(term);
    }
  return sum;
}

void check_winograd_pack(const fastnn_table *t) {
  for (isize n = 1; n <= t->panel; n++)
    for (int turned = 0; turned < 2; turned++) {
      const isize k = 1 + n * 7 % 37, width = n > t->lanes ? t->panel : t->lanes, step = k * width + n % 3;
      for (places("n %td, turned %d", n, turned); next_place();) {
        float *g = random_floats(9 * k * n), *panel = floats(15 * step + k * width);
        float *scratch = floats(FASTNN_WINOGRAD_SCRATCH);
        const isize row = turned ? 1 : n, column = turned ? k : 1, sign = n % 2 ? 1 : -1;
        t->winograd_pack(k, n, sign < 0 ? g + 8 * k * n : g, sign * 3 * k * n, sign * k * n, row, column, panel, step,
                         scratch);
        for (int f = 0; f < 16; f++)
          for (isize i = 0; i < k; i++)
            for (isize j = 0; j < width; j++) {
              double sum = 0, size = 0;
              for (int a = 0; a < 3 && j < n; a++)
                for (int b = 0; b < 3; b++) {
                  const int tap = sign < 0 ? 8 - 3 * a - b : 3 * a + b;
                  const double term = taps[f / 4][a] * taps[f % 4][b] * g[tap * k * n + i * row + j * column];
                  sum += term, size += magnitude(term);
                }
              expect(f * step + i, j, panel[f * step + i * width + j], sum, 6 * UNIT * size);
            }
      }
    }
}

void check_winograd(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++) {
    const isize in = 1 + n * 11 % 35, lanes = t->lanes, panel = t->panel;
    const isize width = (n + lanes - 1) / lanes * lanes;
    const int images = 1 + n % IMAGES;
    for (places("n %td", n); next_place();) {
      fastnn_convolution p = describe(n, in, n, images);
      float *weight = random_floats(9 * in * n), *panels = floats(16 * in * width);
      float *scratch = floats(FASTNN_WINOGRAD_SCRATCH);
      for (isize j = 0; j < n; j += panel)
        t->winograd_pack(in, n - j < panel ? n - j : panel, weight + j, 3 * in * n, in * n, n, 1, panels + j * in,
                         in * width, scratch);
      p.weight = panels;
      p.bias = n % 3 ? random_floats(n) : NULL;
      p.y = floats(images * p.y_image);
      p.z = n % 5 == 0 ? floats(images * p.y_image) : NULL;
      p.activation = p.z ? fastnn_gelu : n % 2 ? fastnn_relu : fastnn_identity;
      p.source = n % 7 == 0 && !p.z ? random_floats(images * p.y_image) : NULL;
      const isize tiles = images * tiles_of(&p);
      t->winograd(&p, tiles / 3, tiles, scratch); /* in two shares */
      t->winograd(&p, 0, tiles / 3, scratch);
      for (isize i = 0; i < images * p.rows.outputs * p.columns.outputs; i++) {
        const isize image = i / (p.rows.outputs * p.columns.outputs), column = i % p.columns.outputs;
        const isize row = i / p.columns.outputs % p.rows.outputs;
        for (isize o = 0; o < n; o++) {
          double sum = p.bias ? p.bias[o] : 0;
          for (isize tap = 0; tap < 9; tap++)
            for (isize c = 0; c < in; c++)
              sum += at(p.x + image * p.x_image, p.x_row, p.x_pixel, p.rows.size, p.columns.size,
                        row + tap / 3 - p.rows.before, column + tap % 3 - p.columns.before, c) *
                     weight[(tap * in + c) * n + o];
          /* 9 products of |V| <= 4 |x| and |U| <= 9/4 |g| for each channel, both up to 2; random ones keep to 1/16. */
          const double bound = (double)(in + 30) * UNIT * (81.0 * (double)in + 1) / 4;
          if (p.z) expect(i, o, p.z[i * n + o], sum, bound);
          const activation *f = &activations[p.activation];
          const double y = p.source ? f->gradient(p.source[i * n + o], sum) : f->of(sum);
          expect(i, o, p.y[i * n + o], y, 2 * bound);
        }
      }
    }
  }
}

void check_winograd_gradient(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n += 1 + n / 8) {
    const isize in = 1 + n * 11 % 5;
    const int images = 1 + n % IMAGES;
    for (places("n %td", n); next_place();) {
      fastnn_convolution p = describe(n, in, n, images);
      p.y = random_floats(images * p.y_image);
      float *products = floats(16 * in * n), *scratch = floats(FASTNN_WINOGRAD_SCRATCH);
      const isize tiles = images * tiles_of(&p);
      t->winograd_gradient(&p, tiles, n % 15, 16, scratch, products); /* in two shares */
      t->winograd_gradient(&p, tiles, 0, n % 15, scratch, products);
      for (int f = 0; f < 16; f++)
        for (isize c = 0; c < in; c++)
          for (isize o = 0; o < n; o++) {
            double sum = 0, size = 0, x_size, dy_size;
            for (isize i = 0; i < tiles; i++) {
              const double x = input_of(&p, i, f, c, &x_size);
              sum += x * gradient_of(&p, i, f, o, &dy_size), size += x_size * dy_size;
            }
            expect(f * in + c, o, products[(f * in + c) * n + o], sum, (double)(tiles + 10) * UNIT * size);
          }
    }
  }
}

void check_winograd_taps(const fastnn_table *t) {
  for (isize n = 1; n <= TAILS; n++)
    for (int add = 0; add < 2; add++)
      for (places("n %td, add %d", n, add); next_place();) {
        const isize step = n + n % 3;
        float *products = random_floats(15 * step + n), *dweight = random_floats(8 * step + n);
        const float *before = copy(8 * step + n, dweight);
        t->winograd_taps(n, products, step, add, dweight);
        for (int tap = 0; tap < 9; tap++)
          for (isize i = 0; i < n; i++) {
            double sum = add ? before[tap * step + i] : 0, size = magnitude(sum);
            for (int f = 0; f < 16; f++) {
              const double term = taps[f / 4][tap / 3] * taps[f % 4][tap % 3] * products[f * step + i];
              sum += term, size += magnitude(term);
            }
            expect(tap, i, dweight[tap * step + i], sum, 12 * UNIT * size);
          }
      }
}
