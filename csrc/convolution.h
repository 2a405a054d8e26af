/* The convolution of images, channels last, as a product whose rows are windows (Chellapilla et al. 2006), which are
 * never copied: the channels of neighbouring taps are contiguous, so a tile of dense.h reads a run of k in place.
 * Taps outside the image are left out of the sums, instead of padding it with zeros. An output is summed over its
 * taps by rows, then columns, and over the channels of a tap, whatever the tile, the area or the share; in dots.h, each
 * lane's part of it is, and then the lanes are added. */
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

/* A block of an image's outputs, n channels from j on: in place, or packed into `width` floats a pixel. */
typedef struct {
  span rows, columns;
  isize j, n, width;
  int packed;
  const float *dy;
  isize dy_row, dy_pixel;
} gradient_block;

/* Pass 1: dy (rows, columns, n) packed into panel (rows, columns, width). */
INLINE void pack_block(gradient_block *block, float *panel) {
  const isize columns = block->columns.last - block->columns.first, rows = block->rows.last - block->rows.first;
  for (isize y = 0; y < rows; y++)
    pack(columns, block->n, block->dy + y * block->dy_row, block->dy_pixel, 1, block->width,
         panel + y * columns * block->width);
  block->packed = 1;
  block->dy = panel;
  block->dy_pixel = block->width;
  block->dy_row = columns * block->width;
}

/* Neighbouring taps of a row, from tap (ky, kx) on, as one: a share of their channels, counted from the first of that
 * tap, and the outputs that see all of these taps inside the image. */
typedef struct {
  isize ky, kx;
  span columns, channels;
} tap_run;

/* dW (channels, n) += A B, with the block's dy in B; t has A's first row. dW: a row for each channel. */
INLINE void add_product(const gradient_block *block, tile_arguments *t, isize channels, float *dweight,
                        isize dweight_row) {
  const isize row_tiles = tiles_of(channels);
  const float *x = t->a;
  t->a_row = 1;
  t->last = block->n - (block->width - VL);
  t->c_row = t->start_row = dweight_row;
  for (isize r = 0; r < row_tiles; r++) {
    const isize i = part_start(channels, row_tiles, r), rows = part_start(channels, row_tiles, r + 1) - i;
    t->a = x + i;
    t->start = t->c = dweight + i * dweight_row + block->j;
    tiles[rows - 1][block->width > VL][block->n == block->width ? 0 : block->packed ? 1 : 2](t);
  }
}

/* The same as its transpose, with dy in A and x in B: for few outputs, whose vectors would be mostly empty. */
INLINE void add_transposed(const gradient_block *block, tile_arguments *t, isize channels, float *dweight,
                           isize dweight_row) {
  float sums[TILE_ROWS][4 * VL];
  const float *x = t->b;
  t->a_row = 1;
  t->b_panel = PANEL;
  t->c_row = t->start_row = 4 * VL;
  t->start = t->c = sums[0];
  for (isize i = 0, vectors; i < channels; i += vectors * VL, dweight += vectors * VL * dweight_row) {
    const isize left = channels - i;
    vectors = block->n <= FEW && left >= 4 * VL ? 4 : left > VL ? 2 : 1;
    const isize count = left < vectors * VL ? left : vectors * VL;
    t->b = x + i;
    t->last = count - (vectors - 1) * VL;
    for (isize o = 0; o < block->n; o++)
      for (isize c = 0; c < count; c++) sums[o][c] = dweight[c * dweight_row + o];
    (vectors == 4 ? fours[block->n - 1] : tiles[block->n - 1][vectors - 1][t->last >= VL ? 0 : 2])(t);
    for (isize o = 0; o < block->n; o++)
      for (isize c = 0; c < count; c++) dweight[c * dweight_row + o] = sums[o][c];
  }
}

/* Pass 2, for each run of taps: dW (channels, n) of it += x (outputs, channels)^T dy (outputs, n), over the block's
 * outputs whose taps are inside the image. dweight: the first tap's first row. */
INLINE void run_gradient(const fastnn_convolution *p, isize image, const gradient_block *block, const tap_run *run,
                         int few, float *dweight, isize dweight_row) {
  const isize down = p->rows.stride * p->x_row, right = p->columns.stride * p->x_pixel;
  const span ys = common(outputs_of(&p->rows, run->ky), block->rows), xs = run->columns;
  const isize first = run->channels.first, count = run->channels.last - first;
  if (ys.first >= ys.last || xs.first >= xs.last || count <= 0) return;
  const isize k = xs.last - xs.first, x_skip = down - k * right, dy_skip = block->dy_row - k * block->dy_pixel;
  const float *x = p->x + image * p->x_image + ys.first * down + xs.first * right + first +
                   (run->ky * p->rows.dilation - p->rows.before) * p->x_row +
                   (run->kx * p->columns.dilation - p->columns.before) * p->x_pixel;
  const float *dy =
      block->dy + (ys.first - block->rows.first) * block->dy_row + (xs.first - block->columns.first) * block->dy_pixel;
  tile_arguments t = {.k = k, .runs = ys.last - ys.first, .a = x, .a_column = right, .a_skip = x_skip};
  t.b = dy, t.b_row = block->dy_pixel, t.b_skip = dy_skip;
  dweight += first * dweight_row;
  if (!few) {
    add_product(block, &t, count, dweight, dweight_row);
    return;
  }
  t.a = dy, t.a_column = block->dy_pixel, t.a_skip = dy_skip;
  t.b = x, t.b_row = right, t.b_skip = x_skip;
  add_transposed(block, &t, count, dweight, dweight_row);
}

/* Rows `share` of dW += the block's part of the sum: for each tap; or, where taps of a row are joined, because their
 * channels are contiguous in x, for each run of taps that the same outputs see. */
static void block_gradient(const fastnn_convolution *p, isize image, const gradient_block *block, int joined, int few,
                           span share, float *dweight, isize dweight_row) {
  const isize weight_row = p->columns.taps * p->in;
  for (isize ky = share.first / weight_row; ky * weight_row < share.last; ky++) {
    tap_run run = {.ky = ky, .columns = {0, block->columns.first}};
    for (isize tap = 0; joined ? run.columns.last < block->columns.last : tap < p->columns.taps; tap++) {
      span taps = {tap, tap + 1};
      if (joined)
        run.columns = same_taps(&p->columns, run.columns.last, block->columns.last, &taps);
      else
        run.columns = common(outputs_of(&p->columns, tap), block->columns);
      run.kx = taps.first;
      const isize row = ky * weight_row + run.kx * p->in;
      run.channels = common((span){share.first - row, share.last - row}, (span){0, (taps.last - taps.first) * p->in});
      run_gradient(p, image, block, &run, few, dweight + row * dweight_row, dweight_row);
    }
  }
}

/* Rows first..last-1, dweight_row apart, of dW (rows.taps * columns.taps * in, out), for the convolution from x to y,
 * which is dy here: the sum over images, rows and columns of outer products of a tap's channels and dy. Blocks of dy
 * are packed, so that all rows of dW read them from the L1 cache. With add, the sums start from the values in dW.
 * With few outputs, the lanes are channels where that takes at most half of the vectors; and the taps of a row are
 * joined where one has too few channels for a tile. The order of a sum depends on shapes alone.
 * panel: FASTNN_CONVOLUTION_SCRATCH floats. */
static void kernel_convolution_weight_gradient(const fastnn_convolution *p, isize images, isize first, isize last,
                                               int add, float *dweight, isize dweight_row, float *panel) {
  const isize pixels = FASTNN_CONVOLUTION_SCRATCH / PANEL; /* of a block */
  const isize across = p->columns.outputs < pixels ? p->columns.outputs : pixels, down = pixels / across;
  const span all_rows = {0, p->rows.outputs}, all_columns = {0, p->columns.outputs};
  const int joins = p->columns.dilation * p->x_pixel == p->in && p->in < VL;
  const isize length = joins ? p->columns.taps * p->in : p->in, lanes = (length + VL - 1) / VL * VL;
  const int few = p->out <= TILE_ROWS && p->out * lanes * 2 <= length * (p->out > VL ? PANEL : VL);
  const int joined = joins && (few || p->in <= FEW);
  gradient_block block;
  if (first >= last) return;
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
          block.packed = 0;
          block.dy = p->y + image * p->y_image + y * p->y_row + x * p->y_pixel + j;
          block.dy_row = p->y_row;
          block.dy_pixel = p->y_pixel;
          if (!few && !joined) pack_block(&block, panel);
          block_gradient(p, image, &block, joined, few, (span){first, last}, dweight, dweight_row);
        }
}

#endif
