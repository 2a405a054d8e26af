/* The product of matrices with a bias at its start and an activation, or a derivative, at its end. The forward pass and
 * both gradients of a dense layer are this one function with other strides:
 *   y  = f(x W + b)     A = x,   B = W              (batch, in) (in, out)
 *   dx = (dz W^T) f'    A = dz,  B = W transposed   (batch, out) (out, in)
 *   dW = x^T dz         A = x transposed, B = dz    (in, batch) (batch, out)
 * Each element of C is summed over k from first to last with fused multiply-adds where the instruction set has them,
 * whatever the tile, the blocking of k or the packing: a row has the same bits in any batch. */
#ifndef FASTNN_DENSE_H
#define FASTNN_DENSE_H

#include "activation.h"

/* A tile of TILE_ROWS x 2 vectors of sums stays in registers: 24 of 32 with AVX-512, 12 of 16 elsewhere. */
#if VECTOR_BYTES == 64
#define TILE_ROWS 12
#else
#define TILE_ROWS 6
#endif
#define PANEL (2 * VL)
/* Rows of a packed panel: it fills half of a level-1 cache, or one of 32 KB with the widest vectors. */
#define DEPTH 256

typedef struct {
  isize k;
  const float *a;
  isize a_row, a_column;
  const float *b;
  isize b_row;
  const float *start; /* what the sums begin with */
  isize start_row;
  float *c;
  isize c_row;
  isize last; /* columns in the last vector */
} tile_arguments;

/* C (rows, vectors * VL) = start + A B. The counts are constants where it is inlined. part: the last vector is not
 * whole in start and C, and if b_part, not in B either. Rows of A are reached in groups of three from one pointer:
 * base, one and two strides are addressing modes. */
INLINE void tile(const tile_arguments *t, const int rows, const int vectors, const int part, const int b_part) {
  vf sum[TILE_ROWS][2];
  const float *a[(TILE_ROWS + 2) / 3];
  const isize last = t->last, a_row = t->a_row, a_column = t->a_column, b_row = t->b_row;
  const int end = vectors - 1;
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
      const float *s = t->start + i * t->start_row + v * VL;
      sum[i][v] = part && v == end ? load_part(s, last) : load(s);
    }
#pragma GCC unroll 4
  for (int g = 0; g < (rows + 2) / 3; g++) a[g] = t->a + 3 * g * a_row;
  const float *b = t->b;
  for (isize k = t->k; k > 0; k--) {
    vf row[2];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) row[v] = b_part && v == end ? load_part(b + v * VL, last) : load(b + v * VL);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      vf x = broadcast(a[i / 3][(i % 3) * a_row]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; v++) sum[i][v] += x * row[v];
    }
#pragma GCC unroll 4
    for (int g = 0; g < (rows + 2) / 3; g++) a[g] += a_column;
    b += b_row;
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
      float *c = t->c + i * t->c_row + v * VL;
      if (part && v == end)
        store_part(c, sum[i][v], last);
      else
        store(c, sum[i][v]);
    }
}

/* One function for each shape of tile: rows 1..TILE_ROWS, one or two vectors, what is cut: nothing, C, or C and B. */
typedef void (*tile_function)(const tile_arguments *t);

#define TILE(rows, vectors)                                                                          \
  static void tile_##rows##_##vectors##_0(const tile_arguments *t) { tile(t, rows, vectors, 0, 0); } \
  static void tile_##rows##_##vectors##_1(const tile_arguments *t) { tile(t, rows, vectors, 1, 0); } \
  static void tile_##rows##_##vectors##_2(const tile_arguments *t) { tile(t, rows, vectors, 1, 1); }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
#define NAME(rows, vectors) {tile_##rows##_##vectors##_0, tile_##rows##_##vectors##_1, tile_##rows##_##vectors##_2}
#define NAMES(rows) {NAME(rows, 1), NAME(rows, 2)},
#if TILE_ROWS == 12
#define EACH_ROWS(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12)
#else
#define EACH_ROWS(F) F(1) F(2) F(3) F(4) F(5) F(6)
#endif
EACH_ROWS(TILES)
static const tile_function tiles[TILE_ROWS][2][3] = {EACH_ROWS(NAMES)};

/* Rows k of B, n <= PANEL columns, into width floats each, zeros after column n. B lies by rows (column 1) or by
 * columns (row 1). */
static void pack(isize k, isize n, const float *b, isize b_row, isize b_column, isize width, float *panel) {
  if (b_column == 1) {
    for (isize i = 0; i < k; i++)
      for (isize j = 0; j < width; j += VL)
        store(panel + i * width + j, n > j ? load_up_to(b + i * b_row + j, n - j) : (vf){0});
    return;
  }
  const isize k4 = k & ~(isize)3, n4 = n & ~(isize)3;
  for (isize j = 0; j < n4; j += 4)
    for (isize i = 0; i < k4; i += 4) transpose4(b + i + j * b_column, b_column, panel + i * width + j, width);
  for (isize i = 0; i < k; i++) {
    for (isize j = i < k4 ? n4 : 0; j < n; j++) panel[i * width + j] = b[i + j * b_column];
    for (isize j = n; j < width; j++) panel[i * width + j] = 0;
  }
}

/* The i-th of `parts` nearly equal parts of n begins here. */
INLINE isize part_start(isize n, isize parts, isize i) { return n * i / parts; }

static void kernel_product(const fastnn_product *p) {
  static const float zeros[PANEL] = {0};
  float panel[DEPTH * PANEL] __attribute__((aligned(64)));
  const isize row_tiles = (p->m + TILE_ROWS - 1) / TILE_ROWS;
  const isize depths = p->k ? (p->k + DEPTH - 1) / DEPTH : 1; /* an empty sum is its start */
  /* Packing pays when a panel is read at least three times, and is needed to turn B round. */
  const int packed = p->b_column != 1 || row_tiles > 2;
  for (isize j = 0; j < p->n; j += PANEL) {
    const isize n = p->n - j < PANEL ? p->n - j : PANEL;
    const isize vectors = n > VL ? 2 : 1;
    const int part = n < vectors * VL;
    tile_arguments t = {.a_row = p->a_row, .a_column = p->a_column, .c_row = p->c_row, .last = n - (vectors - 1) * VL};
    for (isize d = 0; d < depths; d++) {
      const isize k = part_start(p->k, depths, d);
      t.k = part_start(p->k, depths, d + 1) - k;
      t.b = p->b + k * p->b_row + j * p->b_column;
      t.b_row = p->b_row;
      if (packed) {
        pack(t.k, n, t.b, p->b_row, p->b_column, vectors * VL, panel);
        t.b = panel;
        t.b_row = vectors * VL;
      }
      for (isize r = 0; r < row_tiles; r++) {
        const isize i = part_start(p->m, row_tiles, r);
        const isize rows = part_start(p->m, row_tiles, r + 1) - i;
        t.a = p->a + i * p->a_row + k * p->a_column;
        t.c = p->c + i * p->c_row + j;
        t.start = d ? t.c : p->bias ? p->bias + j : zeros;
        t.start_row = d ? p->c_row : 0;
        tiles[rows - 1][vectors - 1][part ? packed ? 1 : 2 : 0](&t);
      }
    }
    if (p->activation == fastnn_identity) continue;
    for (isize i = 0; i < p->m; i++) { /* the panel of C is still in the nearest cache */
      float *c = p->c + i * p->c_row + j;
      if (p->y)
        gradients[p->activation](n, p->y + i * p->y_row + j, c, c);
      else
        maps[p->activation](n, c, c);
    }
  }
}

/* 24 n VL floating-point operations from registers alone, as fast as they go: what a product is measured against. */
static float kernel_peak(isize n) {
  vf sum[12];
  const vf x = broadcast(0.5f), y = broadcast(1.0f);
#pragma GCC unroll 12
  for (int i = 0; i < 12; i++) sum[i] = broadcast((float)i);
  for (; n > 0; n--)
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++) sum[i] = sum[i] * x + y;
#pragma GCC unroll 12
  for (int i = 1; i < 12; i++) sum[0] += sum[i];
  return sum_lanes(sum[0]);
}

/* y (n) = sum of the rows of x, from first to last. */
static void kernel_column_sum(isize rows, isize n, const float *x, isize x_row, float *y) {
  for (isize j = 0; j < n; j += VL) {
    vf sum = {0};
    for (isize i = 0; i < rows; i++) sum += load_up_to(x + i * x_row + j, n - j);
    store_up_to(y + j, sum, n - j);
  }
}

#endif
