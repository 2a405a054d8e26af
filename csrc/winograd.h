/* The convolution of 3x3 taps by Winograd's minimal filtering, F(2x2, 3x3): for 2x2 outputs a tile of 4x4 inputs d,
 *   Y = A^T [(G g G^T) . (B^T d B)] A        with 16 multiplications, where the taps g themselves take 36,
 * and 16 products of matrices over all tiles, channels and filters. The gradient of g is the transpose,
 *   dg = G^T [(B^T d B) . (A dY A^T)] G.     Lavin & Gray 2016, Fast algorithms for convolutional neural networks. */
#ifndef FASTNN_WINOGRAD_H
#define FASTNN_WINOGRAD_H

#include "dense.h"

/* Tiles at a time: as many as fit, inputs and outputs transformed, in half of an L2 cache. */
#define BLOCK_FLOATS 98304
#define MOST_TILES (8 * TILE_ROWS)

/* A line of zeros, for pixels outside the image. */
static const float nothing[FASTNN_WINOGRAD_CHANNELS] = {0};

INLINE isize whole_vectors(isize n) { return (n + VL - 1) / VL * VL; }

/* Layout of the tiles in the scratch: 16 matrices of `block` rows. The elements of one tile, a step apart, fall into
 * different sets of the L1 cache. */
typedef struct {
  isize block, x_row, x_step, y_row, y_step;
} tiling;

INLINE tiling tiling_of(const fastnn_convolution *p) {
  tiling t = {.x_row = whole_vectors(p->in), .y_row = whole_vectors(p->out)};
  t.block = BLOCK_FLOATS / (16 * (t.x_row + t.y_row)) / TILE_ROWS * TILE_ROWS;
  if (t.block > MOST_TILES) t.block = MOST_TILES;
  if (t.block < TILE_ROWS) t.block = TILE_ROWS;
  t.x_step = t.block * t.x_row + 16;
  t.y_step = t.block * t.y_row + 16;
  return t;
}

/* Where a tile is: its image, and its first output. */
typedef struct {
  isize image, row, column;
} corner;

INLINE corner corner_of(const fastnn_convolution *p, isize t) {
  const isize across = (p->columns.outputs + 1) / 2, down = (p->rows.outputs + 1) / 2;
  return (corner){t / (across * down), t / across % down * 2, t % across * 2};
}

INLINE void advance(const fastnn_convolution *p, corner *at) {
  at->column += 2;
  if (at->column < p->columns.outputs) return;
  at->column = 0;
  at->row += 2;
  if (at->row < p->rows.outputs) return;
  at->row = 0;
  at->image++;
}

/* The pixels of a square of `size` from (row, column) on; zeros where they are outside. */
INLINE void square(const float *x, isize x_row, isize x_pixel, isize rows, isize columns, isize row, isize column,
                   const int size, const float **at) {
  x += row * x_row + column * x_pixel;
  const int inside = row >= 0 && row + size <= rows && column >= 0 && column + size <= columns;
  for (int i = 0; i < size; i++)
    for (int j = 0; j < size; j++) {
      const int here = inside || (row + i >= 0 && row + i < rows && column + j >= 0 && column + j < columns);
      at[i * size + j] = here ? x + i * x_row + j * x_pixel : nothing;
    }
}

/* V = B^T d B of tiles first..last-1. */
static void transform_inputs(const fastnn_convolution *p, const tiling *s, isize first, isize last, float *v) {
  corner at = corner_of(p, first);
  for (isize t = first; t < last; t++, v += s->x_row, advance(p, &at)) {
    const float *d[16];
    square(p->x + at.image * p->x_image, p->x_row, p->x_pixel, p->rows.size, p->columns.size, at.row - p->rows.before,
           at.column - p->columns.before, 4, d);
    for (isize c = 0; c < p->in; c += VL) {
      vf h[4][4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const vf d0 = load_up_to(d[j] + c, p->in - c), d1 = load_up_to(d[4 + j] + c, p->in - c);
        const vf d2 = load_up_to(d[8 + j] + c, p->in - c), d3 = load_up_to(d[12 + j] + c, p->in - c);
        h[0][j] = d0 - d2, h[1][j] = d1 + d2, h[2][j] = d2 - d1, h[3][j] = d1 - d3;
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        float *to = v + 4 * i * s->x_step + c;
        store(to, h[i][0] - h[i][2]);
        store(to + s->x_step, h[i][1] + h[i][2]);
        store(to + 2 * s->x_step, h[i][2] - h[i][1]);
        store(to + 3 * s->x_step, h[i][1] - h[i][3]);
      }
    }
  }
}

/* Y = A^T M A of tiles first..last-1, with bias and activation. */
static void transform_outputs(const fastnn_convolution *p, const tiling *s, isize first, isize last, const float *m) {
  float *sums = p->z ? p->z : p->y;
  corner at = corner_of(p, first);
  for (isize t = first; t < last; t++, m += s->y_row, advance(p, &at)) {
    const int wide = at.column + 1 < p->columns.outputs, high = at.row + 1 < p->rows.outputs;
    float *y = sums + at.image * p->y_image + at.row * p->y_row + at.column * p->y_pixel;
    for (isize c = 0; c < p->out; c += VL) {
      const vf bias = p->bias ? load_up_to(p->bias + c, p->out - c) : (vf){0};
      vf h[2][4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const float *from = m + j * s->y_step + c;
        const vf m0 = load(from), m1 = load(from + 4 * s->y_step);
        const vf m2 = load(from + 8 * s->y_step), m3 = load(from + 12 * s->y_step);
        h[0][j] = m0 + m1 + m2, h[1][j] = m1 - m2 - m3;
      }
#pragma GCC unroll 2
      for (int i = 0; i < 2; i++) {
        if (i && !high) break;
        float *to = y + i * p->y_row + c;
        store_up_to(to, bias + (h[i][0] + h[i][1] + h[i][2]), p->out - c);
        if (wide) store_up_to(to + p->y_pixel, bias + (h[i][1] - h[i][2] - h[i][3]), p->out - c);
      }
    }
  }
}

/* The activation of tiles first..last-1, a row of them at a time. */
static void activate_outputs(const fastnn_convolution *p, isize first, isize last) {
  if (p->activation == fastnn_identity) return;
  const isize across = (p->columns.outputs + 1) / 2;
  for (isize t = first, end; t < last; t = end) {
    const corner from = corner_of(p, t);
    end = t - t % across + across;
    if (end > last) end = last;
    isize width = 2 * (end - t), rows = p->rows.outputs - from.row;
    if (width > p->columns.outputs - from.column) width = p->columns.outputs - from.column;
    const isize at = from.image * p->y_image + from.row * p->y_row + from.column * p->y_pixel;
    activate(p->activation, rows < 2 ? rows : 2, width * p->y_pixel, (p->z ? p->z : p->y) + at,
             p->source ? p->source + at : NULL, p->y_row, p->y + at, p->y_row);
  }
}

/* M = A dY A^T of tiles first..last-1, in panels. */
static void transform_gradients(const fastnn_convolution *p, const tiling *s, isize first, isize last, float *m) {
  corner at = corner_of(p, first);
  for (isize t = first; t < last; t++, advance(p, &at)) {
    const float *d[4];
    square(p->y + at.image * p->y_image, p->y_row, p->y_pixel, p->rows.outputs, p->columns.outputs, at.row, at.column,
           2, d);
    for (isize c = 0; c < p->out; c += VL) {
      const isize panel = c / PANEL * PANEL, n = p->out - c;
      float *to = m + panel * (last - first) + (t - first) * panel_width(p->out - panel) + c - panel;
      const vf d0 = load_up_to(d[0] + c, n), d1 = load_up_to(d[1] + c, n);
      const vf d2 = load_up_to(d[2] + c, n), d3 = load_up_to(d[3] + c, n);
      const vf h[4][2] = {{d0, d1}, {d0 + d2, d1 + d3}, {d0 - d2, d1 - d3}, {-d2, -d3}};
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++, to += 4 * s->y_step) {
        store(to, h[i][0]);
        store(to + s->y_step, h[i][0] + h[i][1]);
        store(to + 2 * s->y_step, h[i][0] - h[i][1]);
        store(to + 3 * s->y_step, -h[i][1]);
      }
    }
  }
}

#define LINES (PANEL * PANEL)
_Static_assert(16 * LINES <= FASTNN_WINOGRAD_SCRATCH, "a panel of taps has room");

/* U = G g G^T as the 16 products read it, a step apart: a panel of n columns and k rows (input channels). Element
 * (i, j) of tap (a, b) is g[a * row_step + b * column_step + i * g_row + j * g_column], one of the last two being 1.
 * scratch: FASTNN_WINOGRAD_SCRATCH floats. */
static void kernel_winograd_pack(isize k, isize n, const float *g, isize row_step, isize column_step, isize g_row,
                                 isize g_column, float *panel, isize step, float *scratch) {
  const int by_rows = g_column == 1;
  const isize width = panel_width(n);
  for (isize i = 0; i < k; i += VL) {
    const isize rows = k - i < VL ? k - i : VL, count = by_rows ? rows : n, length = by_rows ? n : rows;
    for (isize l = 0; l < count; l++)
      for (isize e = 0; e < length; e += VL) {
        const float *from = g + i * g_row + l * (by_rows ? g_row : g_column) + e;
        vf h[4][3];
#pragma GCC unroll 3
        for (int b = 0; b < 3; b++) {
          const vf g0 = load_up_to(from + b * column_step, length - e);
          const vf g1 = load_up_to(from + row_step + b * column_step, length - e);
          const vf g2 = load_up_to(from + 2 * row_step + b * column_step, length - e);
          h[0][b] = g0, h[1][b] = (g0 + g2 + g1) * 0.5f, h[2][b] = (g0 + g2 - g1) * 0.5f, h[3][b] = g2;
        }
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
          const isize at = l * PANEL + e;
          float *line = scratch + 4 * j * LINES + at;
          store(line, h[j][0]);
          store(line + LINES, (h[j][0] + h[j][2] + h[j][1]) * 0.5f);
          store(line + 2 * LINES, (h[j][0] + h[j][2] - h[j][1]) * 0.5f);
          store(line + 3 * LINES, h[j][2]);
        }
      }
    for (int f = 0; f < 16; f++)
      pack(rows, n, scratch + f * LINES, by_rows ? PANEL : 1, by_rows ? 1 : PANEL, width, panel + f * step + i * width);
  }
}

/* Tiles first..last-1 of all images. scratch: FASTNN_WINOGRAD_SCRATCH floats. */
static void kernel_winograd(const fastnn_convolution *p, isize first, isize last, float *scratch) {
  const tiling s = tiling_of(p);
  float *v = scratch + FASTNN_PRODUCT_STRIP, *m = v + 16 * s.x_step;
  for (isize end; first < last; first = end) {
    end = last - first < s.block ? last : first + s.block;
    transform_inputs(p, &s, first, end, v);
    for (int f = 0; f < 16; f++) {
      const fastnn_product product = {.m = end - first,
                                      .n = p->out,
                                      .k = p->in,
                                      .a = v + f * s.x_step,
                                      .a_row = s.x_row,
                                      .a_column = 1,
                                      .b = p->weight + f * p->in * s.y_row,
                                      .b_packed = 1,
                                      .c = m + f * s.y_step,
                                      .c_row = s.y_row};
      kernel_product(&product, scratch);
    }
    transform_outputs(p, &s, first, end, m);
    activate_outputs(p, first, end);
  }
}

/* Products first..last-1 of the 16, each (in, out), over the given number of tiles: dU = V^T M for the convolution
 * from x to y, which is dy here. */
static void kernel_winograd_gradient(const fastnn_convolution *p, isize tiles, isize first, isize last, float *scratch,
                                     float *products) {
  const tiling s = tiling_of(p);
  float *v = scratch + FASTNN_PRODUCT_STRIP, *m = v + 16 * s.x_step;
  for (isize t = 0, end; t < tiles; t = end) {
    end = tiles - t < s.block ? tiles : t + s.block;
    transform_inputs(p, &s, t, end, v);
    transform_gradients(p, &s, t, end, m);
    for (isize f = first; f < last; f++) {
      const fastnn_product product = {.m = p->in,
                                      .n = p->out,
                                      .k = end - t,
                                      .a = v + f * s.x_step,
                                      .a_row = 1,
                                      .a_column = s.x_row,
                                      .b = m + f * s.y_step,
                                      .b_packed = 1,
                                      .add = t > 0,
                                      .c = products + f * p->in * p->out,
                                      .c_row = p->out};
      kernel_product(&product, scratch);
    }
  }
}

/* dg = G^T dU G of n elements, the 9 taps a step apart; with add it is added to dg. */
static void kernel_winograd_taps(isize n, const float *products, isize step, int add, float *dweight) {
  for (isize i = 0; i < n; i += VL) {
    vf h[3][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const float *u = products + j * step + i;
      const vf u0 = load_up_to(u, n - i), u1 = load_up_to(u + 4 * step, n - i);
      const vf u2 = load_up_to(u + 8 * step, n - i), u3 = load_up_to(u + 12 * step, n - i);
      h[0][j] = u0 + (u1 + u2) * 0.5f, h[1][j] = (u1 - u2) * 0.5f, h[2][j] = (u1 + u2) * 0.5f + u3;
    }
#pragma GCC unroll 3
    for (int a = 0; a < 3; a++) {
      const vf w[3] = {h[a][0] + (h[a][1] + h[a][2]) * 0.5f, (h[a][1] - h[a][2]) * 0.5f,
                       (h[a][1] + h[a][2]) * 0.5f + h[a][3]};
#pragma GCC unroll 3
      for (int b = 0; b < 3; b++) {
        float *to = dweight + (3 * a + b) * step + i;
        store_up_to(to, add ? load_up_to(to, n - i) + w[b] : w[b], n - i);
      }
    }
  }
}

#endif
