/* Convolution and the gradient of its weight, on windows of all kinds. */
#include "check.h"

#define IMAGES 2

static const fastnn_axis axes[] = {
    {6, 6, 3, 1, 1, 1},   /* the borders of "same" */
    {15, 17, 3, 1, 1, 0}, /* more than a tile, without borders */
    {4, 7, 2, 2, 1, 1},   /* stride */
    {5, 6, 3, 1, 2, 1},   /* dilation */
    {3, 3, 1, 1, 1, 0},   /* a pixel */
    {7, 2, 3, 1, 1, 4},   /* outputs that see nothing */
    {4, 5, 0, 1, 1, 0},   /* no taps at all */
};
#define AXES ((int)(sizeof axes / sizeof axes[0]))

/* Where tap k of output i is, or -1. */
static isize place(const fastnn_axis *a, isize i, isize k) {
  const isize at = i * a->stride + k * a->dilation - a->before;
  return at >= 0 && at < a->size ? at : -1;
}

/* The case: `in` channels of 2 * in, `out` of out + 1, so that neighbours belong to others. */
static fastnn_convolution describe(const fastnn_axis *rows, const fastnn_axis *columns, isize in, isize out,
                                   int images) {
  fastnn_convolution p = {.rows = *rows, .columns = *columns, .in = in, .out = out};
  p.x_pixel = in + (images > 1 ? in : 0), p.x_row = columns->size * p.x_pixel, p.x_image = rows->size * p.x_row;
  p.y_pixel = out, p.y_row = columns->outputs * out, p.y_image = rows->outputs * p.y_row;
  p.x = random_floats(images * p.x_image);
  return p;
}

static void check_sums(const fastnn_table *t, int dots) {
  for (isize n = 1; n < (dots ? t->panel : TAILS + 1); n++) {
    const fastnn_axis *rows = &axes[n % AXES], *columns = &axes[n / 7 % AXES];
    const isize in = dots ? 1 + n * 5 % 23 : 1 + n % 4, depth = rows->taps * columns->taps * in;
    const int images = 1 + n % IMAGES;
    for (places(dots ? "dots, n %td, rows %td, columns %td" : "n %td, rows %td, columns %td", n, n % AXES,
                n / 7 % AXES);
         next_place();) {
      fastnn_convolution p = describe(rows, columns, in, n, images);
      p.dots = dots;
      const isize last = n % t->panel, width = n - last + (last > t->lanes ? t->panel : last ? t->lanes : 0);
      float *weight = random_floats(depth * n), *panels = floats(depth * width);
      t->pack(depth, n, weight, n, 1, panels);
      p.weight = panels;
      if (p.dots) {
        float *columns = floats(depth * n);
        for (isize k = 0; k < depth; k++)
          for (isize o = 0; o < n; o++) columns[o * depth + k] = weight[k * n + o];
        p.weight = columns;
      }
      p.bias = n % 3 ? random_floats(n) : NULL;
      p.y = floats(images * p.y_image);
      p.z = n % 5 == 0 ? floats(images * p.y_image) : NULL;
      p.activation = p.z ? fastnn_gelu : n % 2 ? fastnn_relu : fastnn_identity;
      p.source = n % 7 == 0 && !p.z ? random_floats(images * p.y_image) : NULL;
      for (isize image = 0; image < images; image++) { /* in two shares */
        t->convolution(&p, image, rows->outputs / 2, rows->outputs);
        t->convolution(&p, image, 0, rows->outputs / 2);
      }
      for (isize at = 0; at < images * rows->outputs * columns->outputs; at++) {
        const isize image = at / (rows->outputs * columns->outputs);
        const isize i = at / columns->outputs % rows->outputs, j = at % columns->outputs;
        for (isize o = 0; o < n; o++) {
          double sum = p.bias ? p.bias[o] : 0, size = sum < 0 ? -sum : sum;
          for (isize a = 0; a < rows->taps; a++)
            for (isize b = 0; b < columns->taps; b++) {
              const isize y = place(rows, i, a), x = place(columns, j, b);
              if (y < 0 || x < 0) continue;
              for (isize c = 0; c < in; c++) {
                const double term = (double)p.x[image * p.x_image + y * p.x_row + x * p.x_pixel + c] *
                                    weight[((a * columns->taps + b) * in + c) * n + o];
                sum += term;
                size += term < 0 ? -term : term;
              }
            }
          const double bound = 2 * (double)(depth + 10) * UNIT * (size + 1);
          if (p.z) expect(at, o, p.z[at * n + o], sum, bound);
          const activation *f = &activations[p.activation];
          const double y = p.source ? f->gradient(p.source[at * n + o], sum) : f->of(sum);
          expect(at, o, p.y[at * n + o], y, 2 * bound + (p.z ? 2 * f->units * UNIT * (1 + size) : 0));
        }
      }
    }
  }
}

void check_convolution(const fastnn_table *t) {
  check_sums(t, 0);
  check_sums(t, 1);
}

/* wide: more inputs, so that few outputs come with lanes of channels. */
static void check_outer_products(const fastnn_table *t, int wide) {
  for (isize n = 1; n <= (wide ? t->tile_rows : TAILS); n++) {
    const fastnn_axis *rows = &axes[n % (AXES - 1)], *columns = &axes[n / 6 % (AXES - 1)];
    const isize in = wide ? 67 - 3 * n : 1 + n % 17, depth = rows->taps * columns->taps * in, cut = depth * (n % 5) / 5;
    const int images = 1 + n % IMAGES, add = n % 3 == 0;
    for (places(wide ? "wide, n %td, rows %td, columns %td" : "n %td, rows %td, columns %td", n, n % (AXES - 1),
                n / 6 % (AXES - 1));
         next_place();) {
      fastnn_convolution p = describe(rows, columns, in, n, images);
      p.y = random_floats(images * p.y_image);
      float *scratch = floats(FASTNN_CONVOLUTION_SCRATCH);
      float *dweight = random_matrix(depth, n, n + 1), *before = matrix(depth, n, n + 1);
      for (isize r = 0; r < depth; r++)
        for (isize o = 0; o < n; o++) before[r * (n + 1) + o] = dweight[r * (n + 1) + o];
      t->convolution_weight_gradient(&p, images, cut, depth, add, dweight, n + 1, scratch);
      t->convolution_weight_gradient(&p, images, 0, cut, add, dweight, n + 1, scratch);
      for (isize r = 0; r < depth; r++) {
        const isize a = r / in / columns->taps, b = r / in % columns->taps, c = r % in;
        for (isize o = 0; o < n; o++) {
          double sum = add ? before[r * (n + 1) + o] : 0, size = sum < 0 ? -sum : sum;
          for (isize at = 0; at < images * rows->outputs * columns->outputs; at++) {
            const isize image = at / (rows->outputs * columns->outputs);
            const isize y = place(rows, at / columns->outputs % rows->outputs, a),
                        x = place(columns, at % columns->outputs, b);
            if (y < 0 || x < 0) continue;
            const double term = (double)p.x[image * p.x_image + y * p.x_row + x * p.x_pixel + c] * p.y[at * n + o];
            sum += term;
            size += term < 0 ? -term : term;
          }
          expect(r, o, dweight[r * (n + 1) + o], sum,
                 (double)(images * rows->outputs * columns->outputs + 4) * UNIT * size);
        }
      }
    }
  }
}

void check_convolution_weight_gradient(const fastnn_table *t) {
  check_outer_products(t, 0);
  check_outer_products(t, 1);
}
