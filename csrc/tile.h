/* A tile of a product: a few rows of A times one or two vectors of columns of B, whose sums stay in registers; and
 * the panels into which B is packed for it. */
#ifndef FASTNN_TILE_H
#define FASTNN_TILE_H

#include "activation.h"
#include "transpose.h"

/* A tile of TILE_ROWS x 2 vectors of sums stays in registers: 24 of 32 with AVX-512, 12 of 16 elsewhere. */
#if VECTOR_BYTES == 64
#define TILE_ROWS 12
#else
#define TILE_ROWS 6
#endif
#define PANEL (2 * VL)
/* For up to FEW rows, B is read in place, because it is read once; tiles are up to WIDE vectors wide, for more sums. */
#define FEW FASTNN_FEW_ROWS
#define WIDE 8
/* How many terms of a sum before its use a line of a transposed A is fetched. */
#define AHEAD 8

typedef struct {
  isize k;
  isize
      runs; /* of k each, for a sum over windows: a_skip and b_skip are from the end of one to the start of the next */
  const float *a;
  isize a_row, a_column, a_skip;
  const float *b;
  isize b_row, b_panel, b_skip; /* b_panel: from one panel of two vectors to the next */
  const float *start;           /* initial values of the sums */
  isize start_row;
  float *c;
  isize c_row;
  isize last; /* columns in the last vector */
} tile_arguments;

/* C (rows, vectors * VL) = start + A B. The counts are compile-time constants when inlined. part: the last vector
 * is partial in start and C, and with b_part also in B. across: A is transposed, and its lines are fetched in advance,
 * because strides as long as its rows are not foreseen. Rows of A are reached in groups of three from one pointer:
 * base, one and two strides are addressing modes. */
INLINE void tile(const tile_arguments *t, const int rows, const int vectors, const int part, const int b_part,
                 const int across) {
  vf sum[TILE_ROWS][WIDE];
  const float *a[(TILE_ROWS + 2) / 3], *b[WIDE / 2];
  const isize last = t->last, a_row = t->a_row, a_column = t->a_column, b_row = t->b_row;
  const int end = vectors - 1;
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
      const float *s = t->start + i * t->start_row + v * VL;
      sum[i][v] = part && v == end ? load_part(s, last) : load(s);
    }
#pragma GCC unroll 4
  for (int g = 0; g < (rows + 2) / 3; g++) a[g] = t->a + 3 * g * a_row;
#pragma GCC unroll 4
  for (int g = 0; g < (vectors + 1) / 2; g++) b[g] = t->b + g * t->b_panel;
  for (isize run = t->runs; run > 0; run--) {
    for (isize k = t->k; k > 0; k--) {
      vf row[WIDE];
      if (across) {
        __builtin_prefetch(a[0] + AHEAD * a_column);
        __builtin_prefetch(a[0] + AHEAD * a_column + rows - 1);
      }
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++) {
        const float *from = b[v / 2] + v % 2 * VL;
        row[v] = b_part && v == end ? load_part(from, last) : load(from);
      }
#pragma GCC unroll 16
      for (int i = 0; i < rows; i++) {
        vf x = broadcast(a[i / 3][(i % 3) * a_row]);
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) sum[i][v] += x * row[v];
      }
#pragma GCC unroll 4
      for (int g = 0; g < (rows + 2) / 3; g++) a[g] += a_column;
#pragma GCC unroll 4
      for (int g = 0; g < (vectors + 1) / 2; g++) b[g] += b_row;
    }
#pragma GCC unroll 4
    for (int g = 0; g < (rows + 2) / 3; g++) a[g] += t->a_skip;
#pragma GCC unroll 4
    for (int g = 0; g < (vectors + 1) / 2; g++) b[g] += t->b_skip;
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
      float *c = t->c + i * t->c_row + v * VL;
      if (part && v == end)
        store_part(c, sum[i][v], last);
      else
        store(c, sum[i][v]);
    }
}

/* One function for each shape of tile: rows 1..TILE_ROWS, one or two vectors, with a partial vector in neither, C, or
 * C and B, or in neither with A transposed; and few rows of four or eight whole vectors. */
typedef void (*tile_function)(const tile_arguments *t);

#define TILE(rows, vectors)                                                                             \
  static void tile_##rows##_##vectors##_0(const tile_arguments *t) { tile(t, rows, vectors, 0, 0, 0); } \
  static void tile_##rows##_##vectors##_1(const tile_arguments *t) { tile(t, rows, vectors, 1, 0, 0); } \
  static void tile_##rows##_##vectors##_2(const tile_arguments *t) { tile(t, rows, vectors, 1, 1, 0); } \
  static void tile_##rows##_##vectors##_3(const tile_arguments *t) { tile(t, rows, vectors, 0, 0, 1); }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
#define NAME(rows, vectors) \
  {tile_##rows##_##vectors##_0, tile_##rows##_##vectors##_1, tile_##rows##_##vectors##_2, tile_##rows##_##vectors##_3}
#define NAMES(rows) {NAME(rows, 1), NAME(rows, 2)},
#if TILE_ROWS == 12
#define EACH_ROWS(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12)
#else
#define EACH_ROWS(F) F(1) F(2) F(3) F(4) F(5) F(6)
#endif
EACH_ROWS(TILES)
static const tile_function tiles[TILE_ROWS][2][4] = {EACH_ROWS(NAMES)};

static void tile_1_4(const tile_arguments *t) { tile(t, 1, 4, 0, 0, 0); }
static void tile_2_4(const tile_arguments *t) { tile(t, 2, 4, 0, 0, 0); }
static void tile_3_4(const tile_arguments *t) { tile(t, 3, 4, 0, 0, 0); }
static void tile_1_8(const tile_arguments *t) { tile(t, 1, 8, 0, 0, 0); }
static const tile_function fours[FEW] = {tile_1_4, tile_2_4, tile_3_4};

/* C (rows, vectors * VL) = start + A B, B stored by columns, b_panel apart: it is read once, and transposed in
 * registers, four rows at a time. The counts are compile-time constants when inlined. */
INLINE void tile_by_columns(const tile_arguments *t, const int rows, const int vectors) {
  vf sum[FEW][2];
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) sum[i][v] = load(t->start + i * t->start_row + v * VL);
  const isize column = t->b_panel, whole = t->k / 4 * 4;
  for (isize k = 0; k < whole; k += 4) {
    const float *a = t->a + k * t->a_column;
    for (int v = 0; v < vectors; v++) {
      vf row[4];
#pragma GCC unroll 4
      for (int l = 0; l < 4; l++) row[l] = load_fours(t->b + (v * VL + l) * column + k, 4 * column);
      transpose_fours(row);
#pragma GCC unroll 4
      for (int l = 0; l < 4; l++)
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++) sum[i][v] += broadcast(a[i * t->a_row + l * t->a_column]) * row[l];
    }
  }
  for (isize k = whole; k < t->k; k++)
    for (int v = 0; v < vectors; v++) {
      float row[VL];
      for (isize l = 0; l < VL; l++) row[l] = t->b[(v * VL + l) * column + k];
      for (int i = 0; i < rows; i++) sum[i][v] += broadcast(t->a[i * t->a_row + k * t->a_column]) * load(row);
    }
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) store(t->c + i * t->c_row + v * VL, sum[i][v]);
}

#define BY_COLUMNS(rows, vectors) \
  static void by_columns_##rows##_##vectors(const tile_arguments *t) { tile_by_columns(t, rows, vectors); }
BY_COLUMNS(1, 1)
BY_COLUMNS(1, 2)
BY_COLUMNS(2, 1)
BY_COLUMNS(2, 2)
BY_COLUMNS(3, 1)
BY_COLUMNS(3, 2)
static const tile_function by_columns[FEW][2] = {
    {by_columns_1_1, by_columns_1_2}, {by_columns_2_1, by_columns_2_2}, {by_columns_3_1, by_columns_3_2}};

/* Rows k of B, n columns, into width floats each, zeros after column n. B is stored by rows (column 1) or by columns
 * (row 1). Where it is stored by rows, a store may reach VL - 1 floats past the last width. */
static void pack(isize k, isize n, const float *b, isize b_row, isize b_column, isize width, float *panel) {
  if (b_column == 1) {
    for (isize i = 0; i < k; i++)
      for (isize j = 0; j < width; j += VL)
        store(panel + i * width + j, n > j ? load_up_to(b + i * b_row + j, n - j) : (vf){0});
    return;
  }
  for (isize i = 0; i < k && n < width; i++)
    for (isize j = n; j < width; j++) panel[i * width + j] = 0;
  transpose(k, n, b, b_column, panel, width);
}

/* How wide the first panel of n columns is: in whole vectors, one or two. */
INLINE isize panel_width(isize n) { return n > VL ? PANEL : VL; }

/* panels = B (k, n), PANEL columns each, (k, panel_width): what a product with b_packed reads. */
static void kernel_pack(isize k, isize n, const float *b, isize b_row, isize b_column, float *panels) {
  for (isize j = 0; j < n; j += PANEL, panels += k * PANEL)
    pack(k, n - j < PANEL ? n - j : PANEL, b + j * b_column, b_row, b_column, panel_width(n - j), panels);
}

#endif
