/* The convolution of images, channels last, as a product whose rows are windows (Chellapilla et al. 2006), which are
 * never copied: the channels of neighbouring taps are contiguous, so a tile of dense.h reads a run of k in place.
 * Taps outside the image are left out of the sums, instead of padding it with zeros. An output is summed over its
 * taps by rows, then columns, and over the channels of a tap, whatever the tile, the area or the share. */
#ifndef FASTNN_CONVOLUTION_H
#define FASTNN_CONVOLUTION_H

#include "dense.h"
#include "dots.h"

/* Panels of the weight that a tile loops over: up to 576 KB of them, in the L2 cache. */
#define WEIGHT_FLOATS 147456

typedef struct {
  isize first, last;
} span;

/* The taps of output i that fall inside the image: first..last-1. */
INLINE span taps_of(const fastnn_axis *a, isize i) {
  const isize place = i * a->stride - a->before, left = a->size - place;
  span taps = {place < 0 ? (a->dilation - 1 - place) / a->dilation : 0,
               left > 0 ? (left + a->dilation - 1) / a->dilation : 0};
  if (taps.last > a->taps) taps.last = a->taps;
  if (taps.first > taps.last) taps.first = taps.last;
  return taps;
}

/* The outputs whose tap k falls inside the image. */
INLINE span outputs_of(const fastnn_axis *a, isize k) {
  const isize place = k * a->dilation - a->before, left = a->size - place;
  span outputs = {place < 0 ? (a->stride - 1 - place) / a->stride : 0,
                  left > 0 ? (left + a->stride - 1) / a->stride : 0};
  if (outputs.last > a->outputs) outputs.last = a->outputs;
  if (outputs.first > outputs.last) outputs.first = outputs.last;
  return outputs;
}

/* Outputs of an image that have the same taps: the interior, an edge, a corner. */
typedef struct {
  span rows, columns, row_taps, column_taps;
} area;

/* Outputs from i on, before `end`, that have the same taps as i. */
INLINE span same_taps(const fastnn_axis *a, isize i, isize end, span *taps) {
  span outputs = {i, i + 1};
  *taps = taps_of(a, i);
  for (; outputs.last < end; outputs.last++) {
    const span next = taps_of(a, outputs.last);
    if (next.first != taps->first || next.last != taps->last) break;
  }
  return outputs;
}

/* The outputs of an area in columns j..end-1 of an image. A tile's rows run along the longer side; the dot products of
 * a whole side are one tile. */
static void convolve(const fastnn_convolution *p, isize image, const area *s, isize j0, isize end) {
  const isize row_taps = s->row_taps.last - s->row_taps.first, column_taps = s->column_taps.last - s->column_taps.first;
  const isize height = s->rows.last - s->rows.first, width = s->columns.last - s->columns.first;
  const isize depth = p->rows.taps * p->columns.taps * p->in, weight_row = p->columns.taps * p->in;
  const isize skipped = s->row_taps.first * weight_row + s->column_taps.first * p->in;
  const isize tap_row = p->rows.dilation * p->x_row, tap_column = p->columns.dilation * p->x_pixel;
  const isize down = p->rows.stride * p->x_row, right = p->columns.stride * p->x_pixel;
  const int across = width >= height, joined = tap_column == p->in;
  const isize count = across ? width : height, lines = across ? height : width;
  const isize tiles_of_line = p->dots ? 1 : tiles_of(count);
  const float *x = p->x + image * p->x_image + s->rows.first * down + s->columns.first * right +
                   s->row_taps.first * tap_row + s->column_taps.first * tap_column - p->rows.before * p->x_row -
                   p->columns.before * p->x_pixel;
  const isize y = image * p->y_image + s->rows.first * p->y_row + s->columns.first * p->y_pixel;
  /* Where the taps of a row are contiguous, each row is one run of k; otherwise each tap is a run. */
  tile_arguments t = {.k = joined ? column_taps * p->in : p->in};
  t.runs = joined || !row_taps ? row_taps : column_taps;
  t.a_row = across ? right : down;
  t.a_column = 1;
  t.a_skip = (joined ? tap_row : tap_column) - t.k;
  t.c_row = across ? p->y_pixel : p->y_row;
  const isize calls = joined || !row_taps ? 1 : row_taps;
  for (isize line = 0; line < lines; line++)
    for (isize r = 0; r < tiles_of_line; r++) {
      const isize i = part_start(count, tiles_of_line, r), rows = part_start(count, tiles_of_line, r + 1) - i;
      const float *a = x + i * t.a_row + line * (across ? down : right);
      const isize at = y + i * t.c_row + line * (across ? p->y_row : p->y_pixel);
      for (isize j = j0; j < end; j += PANEL) {
        const isize n = p->out - j < PANEL ? p->out - j : PANEL, panel = p->dots ? 1 : panel_width(n);
        t.last = n - (panel - VL);
        t.b_row = panel;
        t.b_panel = depth;
        t.b_skip = joined ? (weight_row - t.k) * panel : 0;
        t.c = (p->z ? p->z : p->y) + at + j;
        for (isize c = 0; c < calls; c++) {
          t.a = a + c * tap_row;
          t.b = p->weight + j * depth + (skipped + c * weight_row) * panel;
          t.start = c ? t.c : p->bias ? p->bias + j : zeros;
          t.start_row = c ? t.c_row : 0;
          if (p->dots)
            dots(&t, rows, n);
          else
            tiles[rows - 1][panel > VL][n == panel ? 0 : 1](&t);
        }
        activate(p->activation, rows, n, t.c, p->source ? p->source + at + j : NULL, t.c_row, p->y + at + j, t.c_row);
      }
    }
}

/* Rows first..last-1 of the output of one image. */
static void kernel_convolution(const fastnn_convolution *p, isize image, isize first, isize last) {
  const isize depth = p->rows.taps * p->columns.taps * p->in;
  const isize panels = depth ? WEIGHT_FLOATS / (depth * PANEL) : 1, group = (panels > 1 ? panels : 1) * PANEL;
  area s;
  for (isize j = 0; j < p->out; j += group)
    for (s.rows.last = first; s.rows.last < last;) {
      s.rows = same_taps(&p->rows, s.rows.last, last, &s.row_taps);
      for (s.columns.last = 0; s.columns.last < p->columns.outputs;) {
        s.columns = same_taps(&p->columns, s.columns.last, p->columns.outputs, &s.column_taps);
        convolve(p, image, &s, j, p->out - j < group ? p->out : j + group);
      }
    }
}

/* The intersection of two spans: empty where its last is not greater than its first. */
INLINE span common(span a, span b) {
  return (span){a.first > b.first ? a.first : b.first, a.last < b.last ? a.last : b.last};
}

/* A block of an image's outputs, n channels from j on; a packed row has `stride` pixels of `width` floats. */
typedef struct {
  span rows, columns;
  isize stride, j, n, width;
} gradient_block;

/* Pass 1: dy (rows, columns, n) into panel (rows, stride, width). */
INLINE void pack_block(const fastnn_convolution *p, isize image, const gradient_block *block, float *panel) {
  const float *dy = p->y + image * p->y_image + block->columns.first * p->y_pixel + block->j;
  const isize columns = block->columns.last - block->columns.first;
  for (isize y = block->rows.first; y < block->rows.last; y++, panel += block->stride * block->width)
    pack(columns, block->n, dy + y * p->y_row, p->y_pixel, 1, block->width, panel);
}

/* Pass 2, for each tap: dW (channels, n) of it += x (outputs, channels)^T dy (outputs, n), over the block's outputs
 * whose tap falls inside the image. dweight: the tap's first row. */
INLINE void tap_gradient(const fastnn_convolution *p, isize image, const gradient_block *block, isize tap,
                         span channels, const float *panel, float *dweight, isize dweight_row) {
  const isize ky = tap / p->columns.taps, kx = tap % p->columns.taps, width = block->width;
  const isize down = p->rows.stride * p->x_row, right = p->columns.stride * p->x_pixel;
  const span ys = common(outputs_of(&p->rows, ky), block->rows);
  const span xs = common(outputs_of(&p->columns, kx), block->columns);
  if (ys.first >= ys.last || xs.first >= xs.last) return;
  tile_arguments t = {.k = xs.last - xs.first, .runs = ys.last - ys.first, .a_row = 1, .a_column = right};
  t.a_skip = down - t.k * right;
  t.b = panel + ((ys.first - block->rows.first) * block->stride + xs.first - block->columns.first) * width;
  t.b_row = width;
  t.b_skip = (block->stride - t.k) * width;
  t.last = block->n - (width - VL);
  t.c_row = t.start_row = dweight_row;
  const float *x = p->x + image * p->x_image + ys.first * down + xs.first * right +
                   (ky * p->rows.dilation - p->rows.before) * p->x_row +
                   (kx * p->columns.dilation - p->columns.before) * p->x_pixel;
  const isize count = channels.last - channels.first, row_tiles = tiles_of(count);
  for (isize r = 0; r < row_tiles; r++) {
    const isize i = channels.first + part_start(count, row_tiles, r);
    const isize rows = channels.first + part_start(count, row_tiles, r + 1) - i;
    t.a = x + i;
    t.start = t.c = dweight + i * dweight_row + block->j;
    tiles[rows - 1][width > VL][block->n == width ? 0 : 1](&t);
  }
}

/* Rows first..last-1, dweight_row apart, of dW (rows.taps * columns.taps * in, out), for the convolution from x to y,
 * which is dy here: the sum over images, rows and columns of outer products of a tap's channels and dy. Blocks of dy
 * are packed, so that all rows of dW read them from the L1 cache. With add, the sums start from the values in dW. */
static void kernel_convolution_weight_gradient(const fastnn_convolution *p, isize images, isize first, isize last,
                                               int add, float *dweight, isize dweight_row) {
  float panel[DEPTH * PANEL] __attribute__((aligned(64)));
  const isize across = p->columns.outputs < DEPTH ? p->columns.outputs : DEPTH, down = DEPTH / across;
  const span all_rows = {0, p->rows.outputs}, all_columns = {0, p->columns.outputs}, all_channels = {0, p->in};
  gradient_block block = {.stride = across};
  if (!add)
    for (isize r = first; r < last; r++) memset(dweight + r * dweight_row, 0, (size_t)p->out * sizeof *dweight);
  for (isize image = 0; image < images; image++)
    for (isize y = 0; y < p->rows.outputs; y += down)
      for (isize x = 0; x < p->columns.outputs; x += across)
        for (isize j = 0; j < p->out; j += PANEL) {
          block.rows = common((span){y, y + down}, all_rows);
          block.columns = common((span){x, x + across}, all_columns);
          block.j = j;
          block.n = p->out - j < PANEL ? p->out - j : PANEL;
          block.width = panel_width(block.n);
          pack_block(p, image, &block, panel);
          for (isize tap = first / p->in; tap * p->in < last; tap++) {
            const isize row = tap * p->in; /* of dW: the tap's first row */
            const span channels = common((span){first - row, last - row}, all_channels);
            tap_gradient(p, image, &block, tap, channels, panel, dweight + row * dweight_row, dweight_row);
          }
        }
}

#endif
