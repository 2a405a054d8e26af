/* The depthwise convolution of images, channels last: each channel by itself, in vectors of channels. Neighbouring
 * outputs of a row are summed together, in registers; taps outside the image are left out, as in convolution.h. An
 * output is summed over its taps by rows, then columns, whatever the tile or the share. */
#ifndef FASTNN_DEPTHWISE_H
#define FASTNN_DEPTHWISE_H

#include "convolution.h"

/* 8 sums, the weights of NEIGHBOURS taps and a pixel fit into 16 registers; so do 3 rows of such taps and 4 of dy. */
#define ACROSS 8
#define NEIGHBOURS 3

/* NEAR: NEIGHBOURS taps on adjacent pixels, each of which is read once; APART: any taps; CUT: the last vector is
 * partial; SPREAD: an input channel has several outputs, so that its lane is repeated. */
enum { NEAR, APART, CUT, SPREAD };

/* Neighbouring outputs that have the same taps. */
typedef struct {
  isize columns, row_taps, taps;
  const float *x;
  isize x_row, x_tap, x_next; /* distance between rows of taps, taps, outputs */
  const float *weight;
  isize weight_row, weight_tap;
  const float *bias;
  float *y;
  isize y_next;
  isize n, whole, in; /* channels of the weight; of them, those in whole vectors read in place; of x */
  isize multiplier;   /* outputs per channel; or, when folding, channels summed into one output */
  int folds;
} strip;

/* The outputs whose taps all fall inside the image; an empty span at the end if there are none. */
INLINE span middle_of(const fastnn_axis *a) {
  const span all = {outputs_of(a, 0).first, outputs_of(a, a->taps - 1).last}, none = {a->outputs, a->outputs};
  return a->taps && all.first < all.last ? all : none;
}

/* Outputs from j on that have the same taps. */
INLINE span strip_from(const fastnn_axis *a, span middle, isize j, span *taps) {
  if (j != middle.first) return same_taps(a, j, j < middle.first ? middle.first : a->outputs, taps);
  *taps = (span){0, a->taps};
  return middle;
}

/* For outputs o.., `multiplier` per channel: the lane of x with each one's channel, counted from that of o. */
static vi lanes_of(isize o, isize multiplier) {
  vi lanes;
  isize lane = 0, i = o % multiplier;
  for (int l = 0; l < VL; l++) {
    lanes[l] = (int32_t)lane;
    if (++i == multiplier) lane++, i = 0;
  }
  return lanes;
}

/* The channels of x that outputs o.. read, in their lanes; `left` of them exist. */
INLINE vf channels(const float *x, isize left, vi lanes, const int kind) {
  if (kind == SPREAD) return permute(load_up_to(x, left), lanes);
  return kind == CUT ? load_up_to(x, left) : load(x);
}

/* y[o / multiplier] = the sum of x over its `multiplier` lanes, which may start in the previous vector. */
static void fold(float *y, vf x, isize o, isize left, isize multiplier) {
  float lanes[VL];
  store(lanes, x);
  isize i = o % multiplier;
  y += o / multiplier;
  for (isize l = 0; l < VL && l < left; l++) {
    *y = i ? *y + lanes[l] : lanes[l];
    if (++i == multiplier) y++, i = 0;
  }
}

/* Channels first..end-1 of `columns` outputs: sums over their taps. The counts are constants when inlined. */
INLINE void depthwise_tile(const strip *given, isize first, isize end, const int columns, const int kind) {
  const strip s = *given; /* otherwise it is read again after each store */
  for (isize o = first; o < end; o += VL) {
    const isize left = end - o, c = kind == SPREAD ? o / s.multiplier : o, there = kind == SPREAD ? s.in - c : left;
    const vi lanes = kind == SPREAD ? lanes_of(o, s.multiplier) : (vi){0};
    const float *x = s.x + c, *weight = s.weight + o;
    vf sum[ACROSS];
    sum[0] = !s.bias ? (vf){0} : kind >= CUT ? load_up_to(s.bias + o, left) : load(s.bias + o);
#pragma GCC unroll 8
    for (int j = 1; j < columns; j++) sum[j] = sum[0];
    for (isize a = s.row_taps; a > 0; a--, x += s.x_row, weight += s.weight_row) {
      if (kind == NEAR) {
        vf w[NEIGHBOURS];
#pragma GCC unroll 4
        for (int b = 0; b < NEIGHBOURS; b++) w[b] = load(weight + b * s.weight_tap);
#pragma GCC unroll 16
        for (int i = 0; i < columns + NEIGHBOURS - 1; i++) {
          const vf pixel = held(load(x + i * s.x_next));
#pragma GCC unroll 4
          for (int b = 0; b < NEIGHBOURS; b++)
            if (i >= b && i - b < columns) sum[i - b] += pixel * w[b];
        }
        continue;
      }
      const float *tap = x, *from = weight;
      for (isize b = s.taps; b > 0; b--, tap += s.x_tap, from += s.weight_tap) {
        const vf w = kind >= CUT ? load_up_to(from, left) : load(from);
#pragma GCC unroll 8
        for (int j = 0; j < columns; j++) {
          const vf pixel = channels(tap + j * s.x_next, there, lanes, kind);
          sum[j] += pixel * w;
        }
      }
    }
#pragma GCC unroll 8
    for (int j = 0; j < columns; j++) {
      float *y = s.y + j * s.y_next;
      if (kind == CUT && s.folds)
        fold(y, sum[j], o, left, s.multiplier);
      else if (kind >= CUT)
        store_up_to(y + o, sum[j], left);
      else
        store(y + o, sum[j]);
    }
  }
}

typedef void (*strip_function)(const strip *s, isize first, isize end);
#define STRIP(columns, kind)                                                     \
  static void strip_##columns##_##kind(const strip *s, isize first, isize end) { \
    depthwise_tile(s, first, end, columns, kind);                                \
  }
#define STRIP_NAME(columns, kind) strip_##columns##_##kind,
#define EACH_ACROSS(F, kind) F(1, kind) F(2, kind) F(3, kind) F(4, kind) F(5, kind) F(6, kind) F(7, kind) F(8, kind)
EACH_ACROSS(STRIP, NEAR)
EACH_ACROSS(STRIP, APART)
STRIP(1, CUT)
STRIP(4, CUT)
STRIP(1, SPREAD)
STRIP(4, SPREAD)
static const strip_function strips[2][ACROSS] = {{EACH_ACROSS(STRIP_NAME, APART)}, {EACH_ACROSS(STRIP_NAME, NEAR)}};
static const strip_function few_strips[2][2] = {{strip_1_CUT, strip_1_SPREAD}, {strip_4_CUT, strip_4_SPREAD}};

/* The outputs of up to ACROSS columns: in whole vectors, then the remaining channels, four at a time. */
INLINE void sum_strip(const strip *s, int are_near) {
  if (s->whole) strips[are_near][s->columns - 1](s, 0, s->whole);
  if (s->whole == s->n) return;
  const int spreads = s->multiplier > 1 && !s->folds;
  strip few = *s;
  for (isize j = 0, columns; j < s->columns; j += columns) {
    columns = s->columns - j < 4 ? 1 : 4;
    few.x = s->x + j * s->x_next;
    few.y = s->y + j * s->y_next;
    few_strips[columns > 1][spreads](&few, s->whole, s->n);
  }
}

/* Whether a strip's taps are on adjacent pixels, those of neighbouring outputs too. */
INLINE int is_near(const fastnn_axis *columns, isize taps) {
  return taps == NEIGHBOURS && columns->stride == 1 && columns->dilation == 1;
}

/* What the strips of a feature map have in common. */
INLINE strip strip_of(const fastnn_convolution *p) {
  const int folds = p->in > p->out;
  const isize n = folds ? p->in : p->out;
  return (strip){.x_row = p->rows.dilation * p->x_row,
                 .x_tap = p->columns.dilation * p->x_pixel,
                 .x_next = p->columns.stride * p->x_pixel,
                 .y_next = p->y_pixel,
                 .n = n,
                 .whole = p->in == p->out ? n - n % VL : 0,
                 .in = p->in,
                 .multiplier = n / (folds ? p->out : p->in),
                 .folds = folds};
}

/* Where the taps of output (i, j) of an image start. */
INLINE const float *window_of(const fastnn_convolution *p, isize image, isize i, isize j, span down, span across) {
  return p->x + image * p->x_image + (i * p->rows.stride + down.first * p->rows.dilation - p->rows.before) * p->x_row +
         (j * p->columns.stride + across.first * p->columns.dilation - p->columns.before) * p->x_pixel;
}

/* Rows first..last-1 of the output of one image. */
static void kernel_depthwise(const fastnn_depthwise *p, isize image, isize first, isize last) {
  const fastnn_convolution *map = &p->map;
  const span middle = middle_of(&map->columns);
  strip s = strip_of(map);
  s.weight_row = p->weight_row, s.weight_tap = p->weight_tap, s.bias = map->bias;
  for (isize i = first; i < last; i++) {
    const span down = taps_of(&map->rows, i);
    s.row_taps = down.last - down.first;
    for (isize j = 0, end; j < map->columns.outputs; j = end) {
      span across;
      end = strip_from(&map->columns, middle, j, &across).last;
      s.taps = across.last - across.first;
      s.weight = map->weight + down.first * s.weight_row + across.first * s.weight_tap;
      const isize tiles = (end - j + ACROSS - 1) / ACROSS;
      for (isize r = 0; r < tiles; r++) {
        const isize from = j + part_start(end - j, tiles, r), to = j + part_start(end - j, tiles, r + 1);
        const isize at = image * map->y_image + i * map->y_row + from * map->y_pixel;
        s.x = window_of(map, image, i, from, down, across);
        s.y = (map->z ? map->z : map->y) + at;
        s.columns = to - from;
        sum_strip(&s, is_near(&map->columns, s.taps));
        activate(map->activation, s.columns, map->out, s.y, map->source ? map->source + at : NULL, map->y_pixel,
                 map->y + at, map->y_pixel);
      }
    }
  }
}

/* d[u] of neighbouring outputs times the pixels under their `rows` x NEIGHBOURS (NEAR) taps, or their one tap, added to
 * the sums. One tap has several sums, used in turn, because each addition waits for the previous one. */
INLINE void correlate(const strip *s, const float *x, const float *y, isize there, isize left, vi lanes, const int rows,
                      const int columns, const int kind, vf sum[3][4]) {
  const int taps = kind == NEAR ? NEIGHBOURS : 1;
  vf d[4];
#pragma GCC unroll 4
  for (int u = 0; u < columns; u++) d[u] = kind >= CUT ? load_up_to(y + u * s->y_next, left) : load(y + u * s->y_next);
#pragma GCC unroll 3
  for (int a = 0; a < rows; a++)
#pragma GCC unroll 8
    for (int i = 0; i < columns + taps - 1; i++) {
      vf pixel = channels(x + a * s->x_row + i * s->x_next, there, lanes, kind);
      if (kind == NEAR) pixel = held(pixel);
#pragma GCC unroll 4
      for (int b = 0; b < taps; b++)
        if (i >= b && i - b < columns) sum[a][kind == NEAR ? b : i] += pixel * d[i - b];
    }
}

/* Channels first..end-1 of dweight += the sum over the strip, for `rows` x NEIGHBOURS (NEAR), or one, of its taps. */
INLINE void weigh(const strip *given, const float *x, float *dweight, isize first, isize end, const int rows,
                  const int kind) {
  const strip s = *given;
  const int taps = kind == NEAR ? NEIGHBOURS : 1;
  for (isize o = first; o < end; o += VL) {
    const isize left = end - o, c = kind == SPREAD ? o / s.multiplier : o, there = kind == SPREAD ? s.in - c : left;
    const vi lanes = kind == SPREAD ? lanes_of(o, s.multiplier) : (vi){0};
    const float *pixel = x + c, *y = s.y + o;
    vf sum[3][4] = {0};
    isize j = s.columns;
    for (; j >= 4; j -= 4, pixel += 4 * s.x_next, y += 4 * s.y_next)
      correlate(&s, pixel, y, there, left, lanes, rows, 4, kind, sum);
    for (; j > 0; j--, pixel += s.x_next, y += s.y_next)
      correlate(&s, pixel, y, there, left, lanes, rows, 1, kind, sum);
    if (kind != NEAR) sum[0][0] = (sum[0][0] + sum[0][1]) + (sum[0][2] + sum[0][3]);
#pragma GCC unroll 3
    for (int a = 0; a < rows; a++)
#pragma GCC unroll 4
      for (int b = 0; b < taps; b++) {
        float *w = dweight + a * s.weight_row + b * s.weight_tap + o;
        if (kind >= CUT)
          store_up_to(w, load_up_to(w, left) + sum[a][b], left);
        else
          store(w, load(w) + sum[a][b]);
      }
  }
}

#define WEIGH(rows, kind)                                                                                     \
  static void weigh_##rows##_##kind(const strip *s, const float *x, float *dweight, isize first, isize end) { \
    weigh(s, x, dweight, first, end, rows, kind);                                                             \
  }
#define WEIGH_NAME(rows, kind) weigh_##rows##_##kind,
#define EACH_WEIGH(F) F(1, NEAR) F(2, NEAR) F(3, NEAR) F(1, APART) F(1, CUT) F(1, SPREAD)
EACH_WEIGH(WEIGH)
static void (*const weighs[])(const strip *s, const float *x, float *dweight, isize first,
                              isize end) = {EACH_WEIGH(WEIGH_NAME)};

/* The same for all taps of the strip. */
INLINE void weigh_taps(const strip *s, float *dweight, isize first, isize end, int kind) {
  const isize rows = kind == NEAR ? 3 : 1, taps = kind == NEAR ? NEIGHBOURS : 1;
  for (isize a = 0; a < s->row_taps && first < end; a += rows)
    for (isize b = 0; b < s->taps; b += taps) {
      const isize now = s->row_taps - a < rows ? s->row_taps - a : rows;
      weighs[kind == NEAR ? now - 1 : 2 + kind](s, s->x + a * s->x_row + b * s->x_tap,
                                                dweight + a * s->weight_row + b * s->weight_tap, first, end);
    }
}

/* dweight (rows.taps * columns.taps, out) += the sum over rows first..last-1 of one image's dy, which is y here, of
 * x dy, for the convolution from x to y. Each row is summed separately. */
static void kernel_depthwise_weight_gradient(const fastnn_convolution *p, isize image, isize first, isize last,
                                             float *dweight) {
  const span middle = middle_of(&p->columns);
  strip s = strip_of(p);
  s.weight_row = p->columns.taps * s.n, s.weight_tap = s.n;
  for (isize i = first; i < last; i++) {
    const span down = taps_of(&p->rows, i);
    s.row_taps = down.last - down.first;
    for (isize j = 0; j < p->columns.outputs; j += s.columns) {
      span across;
      s.columns = strip_from(&p->columns, middle, j, &across).last - j;
      s.taps = across.last - across.first;
      s.x = window_of(p, image, i, j, down, across);
      s.y = p->y + image * p->y_image + i * p->y_row + j * p->y_pixel;
      float *taps = dweight + down.first * s.weight_row + across.first * s.weight_tap;
      weigh_taps(&s, taps, 0, s.whole, is_near(&p->columns, s.taps) ? NEAR : APART);
      weigh_taps(&s, taps, s.whole, s.n, s.multiplier > 1 ? SPREAD : CUT);
    }
  }
}

#endif
