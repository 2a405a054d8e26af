/* What the kernels of products, windows and attention are given: shapes, strides and pointers. */
#ifndef FASTNN_ARGUMENTS_H
#define FASTNN_ARGUMENTS_H

#include <stddef.h>
#include <stdint.h>

typedef ptrdiff_t isize;

/* Rows of A and of C. */
typedef struct {
  isize m;
  const float *a;
  isize a_row, a_column;
  float *c;
  isize c_row;
} fastnn_rows;

static const fastnn_rows no_rows = {0};

/* The most rows of a product of few rows. */
#define FASTNN_FEW_ROWS 3

/* Floats of the product's scratch, and of the part of it that is needed where b is packed. */
#define FASTNN_PRODUCT_STRIP 9344
#define FASTNN_PRODUCT_SCRATCH (12 * 12288 + FASTNN_PRODUCT_STRIP)

/* C (m, n) = start + A (m, k) B (k, n), then epilogue over each row of C. Element (i, j) of a matrix is
 * p[i * row + j * column]; C has column 1, B row 1 or column 1. start: C itself with add; else bias, n floats, or zero
 * where that is NULL. */
typedef struct {
  isize m, n, k;
  const float *a;
  isize a_row, a_column;
  const float *b;
  isize b_row, b_column;
  int b_packed; /* b is what `pack` wrote */
  float *b_sum; /* NULL, or, where b_column is 1, n floats: the sums of B's columns, with add added to them */
  const float *bias;
  int add;
  float *c;
  isize c_row;
  int activation; /* an fastnn_activation: C = f(C), or with y: C = C * f'(y) */
  float *z;       /* NULL, or, for f other than identity and without add, like C: where C before f is stored */
  const float *y; /* NULL, or (m, n) with row y_row: what the derivative that multiplies C is computed from */
  isize y_row;
  fastnn_rows beside; /* m > 0: more rows, stored elsewhere; such a product has no bias, activation, z or y */
} fastnn_product;

/* Whether it is a product of few rows, which reads B in place, because it is read once, and needs no scratch; of a B
 * stored by columns there is at least a vector of them. */
static inline int fastnn_few_rows(const fastnn_product *p) {
  return p->m <= FASTNN_FEW_ROWS && !p->beside.m && (p->b_column == 1 || p->b_packed || p->n >= 16);
}

/* Windows along one axis of an image: output i is a sum over the taps k = 0..taps-1 whose position
 * i * stride + k * dilation - before falls in 0..size-1. */
typedef struct {
  isize outputs, size, taps, stride, dilation, before;
} fastnn_axis;

/* Y = f(X * W + bias), channels last: each output pixel, `out` channels, is a sum over the window's taps, by rows, then
 * columns, and over the `in` channels of a tap. Strides are in floats, so that a feature map may be part of another: a
 * group of its channels, or every second pixel. */
typedef struct {
  fastnn_axis rows, columns;
  isize in, out;
  const float *x;
  isize x_image, x_row, x_pixel;
  const float *weight; /* (rows.taps * columns.taps * in, out) in panels, as `pack` writes them; or its transpose */
  int dots;            /* weight is that transpose: for few outputs, see dots.h */
  const float *bias;   /* NULL, or (out) */
  float *y;
  isize y_image, y_row, y_pixel;
  int activation; /* as in fastnn_product, with z and source like y */
  float *z;
  const float *source; /* what the derivative is computed from */
} fastnn_convolution;

/* Floats of the scratch of a convolution's weight gradient. */
#define FASTNN_CONVOLUTION_SCRATCH 6144

/* Winograd convolution with 3x3 taps: the most channels, of inputs or filters, and the floats of its scratch. */
#define FASTNN_WINOGRAD_CHANNELS 512
#define FASTNN_WINOGRAD_SCRATCH (16 * 12 * 2 * FASTNN_WINOGRAD_CHANNELS + 512 + FASTNN_PRODUCT_STRIP)

/* The depthwise convolution, of n = max(in, out) channels: channel c has the outputs c * (out / in)..; or, where in is
 * greater, an output is the sum over in / out channels: the transposed convolution. The weight of tap (a, b) is n
 * floats at a * weight_row + b * weight_tap. */
typedef struct {
  fastnn_convolution map;
  isize weight_row, weight_tap;
} fastnn_depthwise;

/* Windows over images with the given number of channels, channels last; their axes have dilation 1. */
typedef struct {
  fastnn_axis rows, columns;
  isize channels;
} fastnn_pooling;

/* Images of height x width pixels, each pixel of which becomes down x across pixels. */
typedef struct {
  isize height, width, channels, down, across;
} fastnn_upsampling;

/* Philox position of a random element: key = seed, counter = (element, stream, step). */
typedef struct {
  uint64_t seed, step;
  uint32_t stream;
} fastnn_random;

/* Attention of one head of one sequence: queries of `size` numbers each, with rows q_row floats apart, and keys and
 * values likewise; y and dy have rows y_row apart, the gradients those of what they belong to. causal: query i sees the
 * keys up to i + offset, which is >= 0. norm, sum: a number for each query. mask: NULL, or for each query a row of
 * numbers, rows mask_row apart, which are 0 for the keys that it does not see. threshold: if > 0, dropout: in the
 * product with the values, shares whose random word is below it are 0, others are multiplied by boost; the words of
 * query i are those of `draws` groups from first + i * draws on. */
typedef struct {
  isize queries, keys, size, offset;
  int causal;
  float scale;
  const float *q, *k, *v;
  isize q_row, k_row, v_row;
  float *y, *norm, *sum;
  isize y_row;
  const float *dy;
  float *dq, *dk, *dv;
  const float *mask;
  isize mask_row;
  uint32_t threshold;
  float boost;
  fastnn_random random;
  isize first, draws;
} fastnn_attention;

/* The queries and keys of a block of scores, the groups of random words for a query of one, the most numbers of a head,
 * and the floats of a kernel's scratch. */
#define FASTNN_ATTENTION_QUERIES 24
#define FASTNN_ATTENTION_KEYS 96
#define FASTNN_ATTENTION_DRAWS 2
#define FASTNN_ATTENTION_SIZE 256
#define FASTNN_ATTENTION_SCRATCH                                                   \
  (FASTNN_PRODUCT_SCRATCH + 2 * FASTNN_ATTENTION_QUERIES * FASTNN_ATTENTION_KEYS + \
   3 * (FASTNN_ATTENTION_KEYS * (FASTNN_ATTENTION_SIZE + 32) + 16))

/* The alignments of one sequence: logits x (times, classes) and `count` labels, none of which is the blank. dx, like x,
 * is scale times the gradient. */
typedef struct {
  isize times, classes, count, blank;
  const int32_t *labels;
  const float *x;
  float *dx;
  float scale;
} fastnn_ctc;

/* The floats of a row of that many labels, with room before and after them, and those of the kernel's scratch. */
#define FASTNN_CTC_ROW(count) (((count) + 2 + 15) / 16 * 16)
#define FASTNN_CTC_SCRATCH(times, count) ((6 * (times) + 10) * FASTNN_CTC_ROW(count) + (times) + 128)

#endif
