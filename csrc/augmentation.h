/* Augmentation of images x (h, w, c): the transforms of one image, with random numbers already drawn for it. */
#ifndef FASTNN_AUGMENTATION_H
#define FASTNN_AUGMENTATION_H

#include "dropout.h"

/* y = uniform numbers in [0, 1), 24 bits of each element's random word; elements first..first+n-1, first a multiple of
 * 64. */
static void kernel_uniform(isize n, isize first, fastnn_random r, float *y) {
  uint32_t words[GROUP];
  for (isize i = 0; i < n; i += GROUP) {
    philox(r, (uint64_t)(first + i) / GROUP, words);
    const isize left = n - i < GROUP ? n - i : GROUP;
    for (isize j = 0; j < left; j++) y[i + j] = (float)(int32_t)(words[j] >> 8) * 0x1p-24f;
  }
}

/* y = x(row + row_step i, column + column_step j) at pixel (i, j), 0 where that is outside x; steps are 1 or -1.
 * A step s from position p is undone by s from -s p. */
static void kernel_flip_shift(isize h, isize w, isize c, const float *x, isize row, int row_step, isize column,
                              int column_step, float *y) {
  /* The pixels of a row that come from inside x: from..to-1. */
  isize from = column_step > 0 ? -column : column - w + 1, to = column_step > 0 ? w - column : column + 1;
  from = from < 0 ? 0 : from > w ? w : from, to = to > w ? w : to < from ? from : to;
  for (isize i = 0; i < h; i++, y += w * c) {
    const isize source = row + row_step * i;
    if (source < 0 || source >= h) {
      memset(y, 0, (size_t)(w * c) * sizeof *y);
      continue;
    }
    const float *xi = x + source * w * c;
    memset(y, 0, (size_t)(from * c) * sizeof *y);
    memset(y + to * c, 0, (size_t)((w - to) * c) * sizeof *y);
    if (column_step > 0)
      memcpy(y + from * c, xi + (column + from) * c, (size_t)((to - from) * c) * sizeof *y);
    else
      for (isize j = from; j < to; j++)
        for (isize k = 0; k < c; k++) y[j * c + k] = xi[(column - j) * c + k];
  }
}

/* y = x rotated about its centre, zeros outside x. Pixel (i, j) comes from (cosine u + sine v, cosine v - sine u),
 * (u, v) = (i, j) seen from the centre, by bilinear interpolation between the four nearest pixels.
 * transposed: y = the transpose of that linear map times x, which is the backward pass. */
static void kernel_rotate(isize h, isize w, isize c, const float *x, double cosine, double sine, int transposed,
                          float *y) {
  const double top = 0.5 * (double)(h - 1), left = 0.5 * (double)(w - 1);
  memset(y, 0, (size_t)(h * w * c) * sizeof *y);
  for (isize i = 0; i < h; i++)
    for (isize j = 0; j < w; j++) {
      const double u = (double)i - top, v = (double)j - left;
      const double row = top + cosine * u + sine * v, column = left + cosine * v - sine * u;
      isize above = (isize)row, before = (isize)column; /* rounded towards zero, then corrected to floor */
      above -= (double)above > row, before -= (double)before > column;
      const float down = (float)(row - (double)above), right = (float)(column - (double)before);
      for (int tap = 0; tap < 4; tap++) {
        const isize p = above + tap / 2, q = before + tap % 2;
        if (p < 0 || p >= h || q < 0 || q >= w) continue;
        const float weight = (tap / 2 ? down : 1.0f - down) * (tap % 2 ? right : 1.0f - right);
        const isize here = (i * w + j) * c, there = (p * w + q) * c;
        const float *from = x + (transposed ? here : there);
        float *to = y + (transposed ? there : here);
        for (isize k = 0; k < c; k++) to[k] += weight * from[k];
      }
    }
}

/* The sum of n numbers in double. */
static double kernel_sum(isize n, const float *x) {
  vd sum = {{0}, {0}};
  for (isize i = 0; i < n; i += VL) sum = plus(sum, widen(load_up_to(x + i, n - i)));
  return sum_lanes_double(sum);
}

/* y = x, but 0 in the rows top..bottom-1 and, there, the columns left..right-1. */
static void kernel_cutout(isize h, isize w, isize c, const float *x, isize top, isize bottom, isize left, isize right,
                          float *y) {
  memcpy(y, x, (size_t)(h * w * c) * sizeof *y);
  for (isize i = top; i < bottom; i++) memset(y + (i * w + left) * c, 0, (size_t)((right - left) * c) * sizeof *y);
}

#endif
