/* Bilinear upsampling of images by integer factors, channels last (NHWC). The centres of pixels are at 0.5, 1.5, ... in
 * both: output i is at (i + 0.5) / scale - 0.5 of the input, and beyond the outermost centres only the outermost pixel
 * counts. The same as PyTorch (align_corners=False) and ONNX (half_pixel). */
#ifndef FASTNN_UPSAMPLE_H
#define FASTNN_UPSAMPLE_H

#include "columns.h"

/* One or two pixels of an axis, from low on, and the weight of each. */
typedef struct {
  isize low;
  int count;
  float share[2];
} blend;

/* The pixels that output i is interpolated from. Distances are in half output pixels: an input pixel has 2 scale. */
INLINE blend blend_at(isize i, isize scale, isize size) {
  const isize distance = 2 * i + 1 - scale;
  const isize low = distance < 0 ? 0 : (uint32_t)distance / (uint32_t)(2 * scale);
  const int outside = distance < 0 || low == size - 1;
  const float share = outside ? 0 : (float)(distance - 2 * scale * low) / (float)(2 * scale);
  return (blend){low, share > 0 ? 2 : 1, {1 - share, share}};
}

/* The outputs first..last-1 to which a pixel contributes, and its weight in output i. */
INLINE isize first_of(isize pixel, isize scale) { return pixel == 0 ? 0 : scale * (pixel - 1) + (scale + 1) / 2; }
INLINE isize last_of(isize pixel, isize scale, isize size) {
  return pixel == size - 1 ? scale * size : scale * (pixel + 1) + scale / 2;
}
INLINE float share_of(isize pixel, isize i, isize scale, isize size) {
  const isize distance = 2 * i + 1 - scale - 2 * scale * pixel;
  if ((pixel == 0 && distance < 0) || (pixel == size - 1 && distance > 0)) return 1;
  return 1 - (float)(distance < 0 ? -distance : distance) / (float)(2 * scale);
}

INLINE void blend_pixels(const int vectors, isize left, isize x_row, isize channels, const blend *a, const blend *b,
                         const float *x, float *y) {
  vf sum[ABREAST];
  for (int v = 0; v < vectors; v++) sum[v] = (vf){0};
  for (int i = 0; i < a->count; i++)
    for (int k = 0; k < b->count; k++) {
      const float share = a->share[i] * b->share[k];
      for (int v = 0; v < vectors; v++) {
        const vf pixel = load_up_to(x + i * x_row + k * channels + v * VL, left);
        sum[v] += share * pixel;
      }
    }
  for (int v = 0; v < vectors; v++) store_up_to(y + v * VL, sum[v], left);
}

/* Rows first..first+rows-1 of y, counted over all images. */
static void kernel_bilinear(const fastnn_upsampling *p, isize first, isize rows, const float *x, float *y) {
  const isize n = p->channels, x_row = p->width * n;
  for (isize row = first; row < first + rows; row++) {
    const isize image = row / (p->height * p->down), i = row % (p->height * p->down);
    const blend a = blend_at(i, p->down, p->height);
    for (isize column = 0; column < p->width * p->across; column++) {
      const blend b = blend_at(column, p->across, p->width);
      const isize from = (image * p->height + a.low) * x_row + b.low * n;
      const isize to = (row * p->width * p->across + column) * n;
#define BLEND(vectors, left) blend_pixels(vectors, left, x_row, n, &a, &b, x + from + j, y + to + j)
      EACH_COLUMNS(VL, n, BLEND);
    }
  }
}

/* Adds up the weighted gradients of the outputs to which a pixel contributes. dy: of one image. */
INLINE void gather_shares(const int vectors, isize left, const fastnn_upsampling *p, isize row, isize column,
                          const float *dy, float *dx) {
  const isize first = first_of(column, p->across), last = last_of(column, p->across, p->width);
  vf sum[ABREAST];
  for (int v = 0; v < vectors; v++) sum[v] = (vf){0};
  for (isize i = first_of(row, p->down); i < last_of(row, p->down, p->height); i++) {
    const float down = share_of(row, i, p->down, p->height);
    for (isize k = first; k < last; k++) {
      const float share = down * share_of(column, k, p->across, p->width);
      const float *from = dy + (i * p->width * p->across + k) * p->channels;
      for (int v = 0; v < vectors; v++) {
        const vf d = load_up_to(from + v * VL, left);
        sum[v] += share * d;
      }
    }
  }
  for (int v = 0; v < vectors; v++) store_up_to(dx + v * VL, sum[v], left);
}

/* Rows first..first+rows-1 of dx: each pixel is gathered from the outputs, so that it is written once, in one order. */
static void kernel_bilinear_gradient(const fastnn_upsampling *p, isize first, isize rows, const float *dy, float *dx) {
  const isize n = p->channels, outputs = p->height * p->down * p->width * p->across * n;
  for (isize r = first; r < first + rows; r++) {
    const isize image = r / p->height, row = r % p->height;
    for (isize column = 0; column < p->width; column++) {
      const isize to = (r * p->width + column) * n;
#define GATHER_SHARES(vectors, left) gather_shares(vectors, left, p, row, column, dy + image * outputs + j, dx + to + j)
      EACH_COLUMNS(VL, n, GATHER_SHARES);
    }
  }
}

#endif
