/* A convolution with few outputs as dot products: the lanes of a tile of outputs would be mostly empty, so lanes run
 * along k instead. The taps of a row are contiguous in x, and the weight is stored by outputs. */
#ifndef FASTNN_DOTS_H
#define FASTNN_DOTS_H

#include "tile.h"

/* DOT_PIXELS windows times up to DOT_OUTPUTS outputs stay in registers; with one output, twice as many windows. */
#define DOT_PIXELS 4
#if VECTOR_BYTES == 64
#define DOT_OUTPUTS 4
#else
#define DOT_OUTPUTS 3
#endif

/* sum += x w, `pixels` windows times n outputs, a vector of k, of which `left` are valid. */
INLINE void dot_step(vf sum[][DOT_OUTPUTS], const float *x, isize x_row, const float *w, isize w_row, isize left,
                     const int pixels, const int n, const int part) {
  vf row[DOT_OUTPUTS];
#pragma GCC unroll 4
  for (int j = 0; j < n; j++) row[j] = part ? load_part(w + j * w_row, left) : load(w + j * w_row);
#pragma GCC unroll 8
  for (int i = 0; i < pixels; i++) {
    vf at = part ? load_part(x + i * x_row, left) : load(x + i * x_row);
    if (n > 1) at = held(at);
#pragma GCC unroll 4
    for (int j = 0; j < n; j++) sum[i][j] += at * row[j];
  }
}

/* C (pixels, n) = start + A B as in tile, but a_column is 1 and B's columns, not its rows, are contiguous, b_panel
 * apart. A sum's lanes are combined in the order of sum_lanes. The counts are compile-time constants when inlined. */
INLINE void dot(const tile_arguments *t, const int pixels, const int n) {
  vf sum[2 * DOT_PIXELS][DOT_OUTPUTS];
#pragma GCC unroll 8
  for (int i = 0; i < pixels; i++)
#pragma GCC unroll 4
    for (int j = 0; j < n; j++) sum[i][j] = (vf){0};
  const float *a = t->a, *b = t->b;
  const isize a_row = t->a_row, b_row = t->b_panel, rest = t->k % VL, whole = t->k - rest;
  for (isize run = t->runs; run > 0; run--) {
    for (isize k = 0; k < whole; k += VL) dot_step(sum, a + k, a_row, b + k, b_row, VL, pixels, n, 0);
    if (rest) dot_step(sum, a + whole, a_row, b + whole, b_row, rest, pixels, n, 1);
    a += t->k + t->a_skip;
    b += t->k + t->b_skip;
  }
#pragma GCC unroll 2
  for (int i = 0; i < pixels; i += 4)
#pragma GCC unroll 4
    for (int j = 0; j < n; j++) {
      const int last = pixels - i - 1;
      float four[4];
      sum_lanes_of_4(sum[i][j], sum[i + (last < 1 ? last : 1)][j], sum[i + (last < 2 ? last : 2)][j],
                     sum[i + (last < 3 ? last : 3)][j], four);
#pragma GCC unroll 4
      for (int l = 0; l < (last < 3 ? last + 1 : 4); l++)
        t->c[(i + l) * t->c_row + j] = t->start[(i + l) * t->start_row + j] + four[l];
    }
}

#define DOT(pixels, n) \
  static void dot_##pixels##_##n(const tile_arguments *t) { dot(t, pixels, n); }
#define DOT_NAME(pixels, n) dot_##pixels##_##n,
#if DOT_OUTPUTS == 4
#define EACH_OUTPUTS(F, pixels) F(pixels, 1) F(pixels, 2) F(pixels, 3) F(pixels, 4)
#else
#define EACH_OUTPUTS(F, pixels) F(pixels, 1) F(pixels, 2) F(pixels, 3)
#endif
#define EACH_DOT(F) EACH_OUTPUTS(F, 1) EACH_OUTPUTS(F, 2) EACH_OUTPUTS(F, 3) EACH_OUTPUTS(F, 4)
EACH_DOT(DOT)
DOT(8, 1)
static const tile_function dot_functions[DOT_PIXELS * DOT_OUTPUTS] = {EACH_DOT(DOT_NAME)};

/* C (rows, n) of any size, as dot computes it. t is moved from part to part, because vectors copied from fields that
 * were just written wait for them. */
static void dots(tile_arguments *t, isize rows, isize n) {
  const float *a = t->a, *b = t->b, *start = t->start;
  float *c = t->c;
  for (isize j = 0, outputs; j < n; j += outputs) {
    outputs = n - j < DOT_OUTPUTS ? n - j : DOT_OUTPUTS;
    if (n - j == DOT_OUTPUTS + 1) outputs = (DOT_OUTPUTS + 1) / 2; /* rather than one alone at the end */
    for (isize i = 0, pixels; i < rows; i += pixels) {
      pixels = rows - i < DOT_PIXELS ? rows - i : DOT_PIXELS;
      if (outputs == 1 && rows - i >= 2 * DOT_PIXELS) pixels = 2 * DOT_PIXELS;
      t->a = a + i * t->a_row;
      t->b = b + j * t->b_panel;
      t->c = c + i * t->c_row + j;
      t->start = start + i * t->start_row + j;
      (pixels > DOT_PIXELS ? dot_8_1 : dot_functions[(pixels - 1) * DOT_OUTPUTS + outputs - 1])(t);
    }
  }
  t->c = c;
}

#endif
