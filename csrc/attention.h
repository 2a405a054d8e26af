/* Scaled dot-product attention of one head of one sequence, y = softmax(scale Q K^T) V, and its gradients, without the
 * matrix of all queries and keys: a block of scores at a time stays in the nearest caches (Dao et al. 2022; Milakov and
 * Gimelshein 2018). Keys are the outer loop, so that a block of them is packed once for all queries. A row's sums run
 * over its keys from first to last, in the same blocks whatever the number of queries. */
#ifndef FASTNN_ATTENTION_H
#define FASTNN_ATTENTION_H

#include "dense.h"
#include "dropout.h"
#include "elementary.h"

#define QUERIES FASTNN_ATTENTION_QUERIES
#define KEYS FASTNN_ATTENTION_KEYS
#define KEY_PANELS (KEYS * (FASTNN_ATTENTION_SIZE + 32) + 16)
_Static_assert(FASTNN_PRODUCT_SCRATCH + 2 * QUERIES * KEYS + 3 * KEY_PANELS <= FASTNN_ATTENTION_SCRATCH,
               "two blocks, and three packed matrices");
_Static_assert(KEYS <= FASTNN_ATTENTION_DRAWS * GROUP, "a random word for each key of a block");

/* The keys that query i sees. */
INLINE isize seen(const fastnn_attention *p, isize i) {
  const isize n = i + p->offset + 1;
  return p->causal && n < p->keys ? n : p->keys;
}

/* Of a block's n keys from j on, those that query i sees. */
INLINE isize seen_of(const fastnn_attention *p, isize i, isize j, isize n) {
  const isize left = seen(p, i) - j;
  return left < 0 ? 0 : left < n ? left : n;
}

/* The first query, at the start of a block, that sees key j. */
INLINE isize first_query(const fastnn_attention *p, isize j) {
  return p->causal && j > p->offset ? (j - p->offset) / QUERIES * QUERIES : 0;
}

/* A matrix as a product reads it; packed if row is 0. */
typedef struct {
  const float *at;
  isize row, column;
} operand;

/* `from`, packed into panels. */
INLINE operand packed(isize k, isize n, operand from, float *panels) {
  kernel_pack(k, n, from.at, from.row, from.column, panels);
  return (operand){panels, 0, 0};
}

/* c (rows, n) = A B, or with add c + A B; B (k, n). */
INLINE void times(isize rows, isize n, isize k, const float *a, isize a_row, operand b, int add, float *c, isize c_row,
                  float *scratch) {
  kernel_product(&(fastnn_product){.m = rows,
                                   .n = n,
                                   .k = k,
                                   .a = a,
                                   .a_row = a_row,
                                   .a_column = 1,
                                   .b = b.at,
                                   .b_row = b.row,
                                   .b_column = b.column,
                                   .b_packed = !b.row,
                                   .add = add,
                                   .c = c,
                                   .c_row = c_row},
                 scratch);
}

/* c (n, size) += A^T B, with A (rows, n) a block. */
INLINE void add_transposed_block(isize rows, isize n, isize size, const float *a, const float *b, isize b_row, float *c,
                                 isize c_row, float *scratch) {
  kernel_product(&(fastnn_product){.m = n,
                                   .n = size,
                                   .k = rows,
                                   .a = a,
                                   .a_row = 1,
                                   .a_column = KEYS,
                                   .b = b,
                                   .b_row = b_row,
                                   .b_column = 1,
                                   .add = 1,
                                   .c = c,
                                   .c_row = c_row},
                 scratch);
}

/* The columns of a block whose products are needed: up to the last key that one of the rows sees, in whole panels. */
INLINE isize needed(isize most, isize n) {
  const isize whole = (most + PANEL - 1) / PANEL * PANEL;
  return whole < n ? whole : n;
}

/* Hides from query i those of its scores x, of n keys from j on, whose mask is 0; returns whether any is left. */
INLINE int hide(const fastnn_attention *p, isize i, isize j, isize n, float *x) {
  const float *mask = p->mask + i * p->mask_row + j;
  vi any = {0};
  int found = 0;
  for (isize c = 0; c < n; c += VL) {
    const vi shown = load_up_to(mask + c, n - c) != 0;
    store_up_to(x + c, choose(shown, load_up_to(x + c, n - c), broadcast(-__builtin_inff())), n - c);
    any |= shown;
  }
  for (int l = 0; l < VL; l++) found |= any[l] != 0;
  return found;
}

/* What dropout multiplies query i's shares of n keys from j on by. */
static void draw_factors(const fastnn_attention *p, isize i, isize j, isize n, float *factor) {
  const isize first = p->first + i * p->draws + j / KEYS * FASTNN_ATTENTION_DRAWS;
  uint32_t words[GROUP];
  for (isize c = 0; c < n; c += GROUP) {
    philox(p->random, (uint64_t)(first + c / GROUP), words);
    for (isize l = 0; l < GROUP; l++) factor[c + l] = words[l] < p->threshold ? 0.0f : p->boost;
  }
}

INLINE void multiply_by(isize n, const float *factor, float *x) {
  for (isize c = 0; c < n; c++) x[c] *= factor[c];
}

/* Of a row of scores x, of which the first `valid` count: their exponentials relative to the greatest so far, zeros up
 * to n, and y brought to that scale; high and sum are carried from block to block. */
INLINE void soften_row(isize valid, isize n, float scale, float *x, isize size, float *y, float *high, float *sum) {
  const float lowest = -__builtin_inff();
  vf top = broadcast(lowest), total = {0};
  for (isize c = 0; c < valid; c += VL) {
    const vf v = load_up_to(x + c, valid - c);
    top = greatest(top, valid - c < VL ? choose(lanes_below(valid - c), v, broadcast(lowest)) : v);
  }
  const float most = greatest_lane(top) * scale, before = *high, now = most > before ? most : before;
  for (isize c = 0; c < valid; c += VL) {
    const vf e = exp_of_negative(load_up_to(x + c, valid - c) * scale - now);
    const vf kept = valid - c < VL ? choose(lanes_below(valid - c), e, (vf){0}) : e;
    store_up_to(x + c, kept, n - c);
    total += kept;
  }
  for (isize c = (valid + VL - 1) / VL * VL; c < n; c++) x[c] = 0;
  if (now > before && before > lowest) { /* nothing is in y before the first block */
    float back[VL];
    store(back, exp_vector(broadcast(before - now)));
    *sum *= back[0];
    for (isize c = 0; c < size; c += VL) store_up_to(y + c, load_up_to(y + c, size - c) * back[0], size - c);
  }
  *high = now;
  *sum += sum_lanes(total);
}

/* y and, for the gradient, norm: the logarithm of each query's sum of exponentials. Both are 0 for a query that sees
 * nothing. */
static void kernel_attention(const fastnn_attention *p, float *scratch) {
  float *block = scratch + FASTNN_PRODUCT_SCRATCH, *key_panels = block + QUERIES * KEYS,
        *value_panels = key_panels + KEY_PANELS;
  float factor[FASTNN_ATTENTION_DRAWS * GROUP];
  for (isize i = 0; i < p->queries; i++) p->norm[i] = -__builtin_inff(), p->sum[i] = 0;
  for (isize j = 0; j < p->keys; j += KEYS) {
    const isize all = p->keys - j < KEYS ? p->keys - j : KEYS;
    operand keys = {p->k + j * p->k_row, 1, p->k_row}, values = {p->v + j * p->v_row, p->v_row, 1};
    if (p->queries > FEW) { /* fewer read them once */
      keys = packed(p->size, all, keys, key_panels);
      values = packed(all, p->size, values, value_panels);
    }
    for (isize i = first_query(p, j); i < p->queries; i += QUERIES) {
      const isize rows = p->queries - i < QUERIES ? p->queries - i : QUERIES;
      const isize n = needed(seen_of(p, i + rows - 1, j, all), all);
      times(rows, n, p->size, p->q + i * p->q_row, p->q_row, keys, 0, block, KEYS, scratch);
      for (isize r = 0; r < rows; r++) {
        float *y = p->y + (i + r) * p->y_row, *x = block + r * KEYS;
        const isize valid = seen_of(p, i + r, j, all);
        if (valid > 0 && (!p->mask || hide(p, i + r, j, valid, x))) {
          soften_row(valid, all, p->scale, x, p->size, y, p->norm + i + r, p->sum + i + r);
          if (p->threshold) {
            draw_factors(p, i + r, j, valid, factor);
            multiply_by(valid, factor, x);
          }
        } else
          memset(x, 0, (size_t)all * sizeof *x);
      }
      times(rows, p->size, all, block, KEYS, values, j > 0, p->y + i * p->y_row, p->y_row, scratch);
    }
  }
  for (isize i = 0; i < p->queries; i++) {
    float *y = p->y + i * p->y_row, logarithm[VL];
    const int blind = p->sum[i] == 0;
    const float share = blind ? 0 : 1 / p->sum[i];
    for (isize c = 0; c < p->size; c += VL) store_up_to(y + c, load_up_to(y + c, p->size - c) * share, p->size - c);
    store(logarithm, log_vector(broadcast(p->sum[i])));
    p->norm[i] = blind ? 0 : p->norm[i] + logarithm[0];
  }
}

/* dQ, and added to dK and dV, theirs, from dy, y and norm; `sum` becomes each query's sum of dy y. With P the softmax:
 * dV = P^T dy, dS = scale P (dy V^T - sum), dQ = dS K, dK = dS^T Q; with dropout's factors F, dV = (F P)^T dy and
 * dS = scale P (F dy V^T - sum). */
static void kernel_attention_gradient(const fastnn_attention *p, float *scratch) {
  float *share = scratch + FASTNN_PRODUCT_SCRATCH, *slope = share + QUERIES * KEYS, *panels = slope + QUERIES * KEYS;
  float factor[FASTNN_ATTENTION_DRAWS * GROUP];
  for (isize i = 0; i < p->queries; i++) {
    vf sum = {0};
    for (isize c = 0; c < p->size; c += VL)
      sum += load_up_to(p->y + i * p->y_row + c, p->size - c) * load_up_to(p->dy + i * p->y_row + c, p->size - c);
    p->sum[i] = sum_lanes(sum);
  }
  for (isize j = 0; j < p->keys; j += KEYS) {
    const isize all = p->keys - j < KEYS ? p->keys - j : KEYS;
    const float *k = p->k + j * p->k_row, *v = p->v + j * p->v_row;
    const operand keys_across = packed(p->size, all, (operand){k, 1, p->k_row}, panels);
    const operand values_across = packed(p->size, all, (operand){v, 1, p->v_row}, panels + KEY_PANELS);
    const operand keys = packed(all, p->size, (operand){k, p->k_row, 1}, panels + 2 * KEY_PANELS);
    for (isize i = first_query(p, j); i < p->queries; i += QUERIES) {
      const isize rows = p->queries - i < QUERIES ? p->queries - i : QUERIES;
      const isize n = needed(seen_of(p, i + rows - 1, j, all), all);
      const float *q = p->q + i * p->q_row, *dy = p->dy + i * p->y_row;
      times(rows, n, p->size, q, p->q_row, keys_across, 0, share, KEYS, scratch);
      times(rows, n, p->size, dy, p->y_row, values_across, 0, slope, KEYS, scratch);
      for (isize r = 0; r < rows; r++) {
        const isize valid = seen_of(p, i + r, j, all);
        const float norm = p->norm[i + r], mean = p->sum[i + r];
        float *x = share + r * KEYS, *g = slope + r * KEYS;
        if (p->mask) hide(p, i + r, j, valid, x);
        if (p->threshold) {
          draw_factors(p, i + r, j, valid, factor);
          multiply_by(valid, factor, g);
        }
        for (isize c = 0; c < valid; c += VL) {
          const vf e = exp_of_negative(load_up_to(x + c, valid - c) * p->scale - norm);
          const vf kept = valid - c < VL ? choose(lanes_below(valid - c), e, (vf){0}) : e;
          const vf dx = kept * (load_up_to(g + c, valid - c) - mean) * p->scale;
          store_up_to(x + c, kept, all - c);
          store_up_to(g + c, valid - c < VL ? choose(lanes_below(valid - c), dx, (vf){0}) : dx, all - c);
        }
        for (isize c = (valid + VL - 1) / VL * VL; c < all; c++) x[c] = g[c] = 0;
        if (p->threshold) multiply_by(valid, factor, x);
      }
      add_transposed_block(rows, n, p->size, share, dy, p->y_row, p->dv + j * p->v_row, p->v_row, scratch);
      add_transposed_block(rows, n, p->size, slope, q, p->q_row, p->dk + j * p->k_row, p->k_row, scratch);
      times(rows, p->size, all, slope, KEYS, keys, j > 0, p->dq + i * p->q_row, p->q_row, scratch);
    }
  }
}

#endif
