/* Attention of one head, and its gradients. */
#include <math.h>

#include "check.h"

#define TOLERANCE 1e-5
#define MOST (FASTNN_ATTENTION_KEYS + 5) /* queries and keys */

/* What a case has: causal, a mask, dropout. */
enum { CAUSAL = 1, MASKED = 2, THINNED = 4, KINDS = 8 };

/* A mask, of which a query in the middle sees nothing. */
static float *random_mask(isize queries, isize keys, isize row) {
  float *mask = matrix(queries, keys, row);
  for (isize i = 0; i < queries; i++)
    for (isize j = 0; j < keys; j++) mask[i * row + j] = i != queries / 2 && random_bits() % 4 ? 2.0f : 0.0f;
  return mask;
}

/* A head: shapes, and rows with gaps between them. */
static fastnn_attention drawn(isize queries, isize keys, isize size, int kind) {
  const isize q_row = size + 3, k_row = size + 1, v_row = size, y_row = size + 2, mask_row = keys + 1;
  return (fastnn_attention){
      .queries = queries,
      .keys = keys,
      .size = size,
      .offset = keys - queries,
      .causal = kind & CAUSAL,
      .scale = (float)(1 / sqrt((double)size)),
      .q = random_matrix(queries, size, q_row),
      .k = random_matrix(keys, size, k_row),
      .v = random_matrix(keys, size, v_row),
      .q_row = q_row,
      .k_row = k_row,
      .v_row = v_row,
      .y = matrix(queries, size, y_row),
      .norm = floats(queries),
      .sum = floats(queries),
      .y_row = y_row,
      .dy = random_matrix(queries, size, y_row),
      .dq = matrix(queries, size, q_row),
      .dk = random_matrix(keys, size, k_row),
      .dv = random_matrix(keys, size, v_row),
      .mask = kind & MASKED ? random_mask(queries, keys, mask_row) : NULL,
      .mask_row = mask_row,
      .threshold = kind & THINNED ? 1u << 30 : 0,
      .boost = 4 / 3.0f,
      .random = {.seed = 5, .step = 7, .stream = 9},
      .first = 11,
      .draws = FASTNN_ATTENTION_DRAWS * ((keys + FASTNN_ATTENTION_KEYS - 1) / FASTNN_ATTENTION_KEYS),
  };
}

/* The softmax of a query's scores into share, zeros for keys that it does not see; returns the logarithm of the sum. */
static double shares(const fastnn_attention *p, isize i, double *share) {
  double most = -INFINITY, sum = 0;
  for (isize j = 0; j < p->keys; j++) {
    share[j] = -INFINITY;
    if ((p->causal && j > i + p->offset) || (p->mask && p->mask[i * p->mask_row + j] == 0)) continue;
    share[j] = 0;
    for (isize c = 0; c < p->size; c++) share[j] += (double)p->q[i * p->q_row + c] * p->k[j * p->k_row + c];
    share[j] *= p->scale;
    most = fmax(most, share[j]);
  }
  for (isize j = 0; j < p->keys; j++) sum += share[j] = share[j] == -INFINITY ? 0 : exp(share[j] - most);
  for (isize j = 0; j < p->keys; j++) share[j] /= sum ? sum : 1;
  return sum ? most + log(sum) : 0;
}

/* What dropout multiplies a share by: by kernel_dropout, of ones. */
static double factor(const fastnn_table *t, const fastnn_attention *p, isize i, isize j) {
  if (!p->threshold) return 1;
  const isize block = j / FASTNN_ATTENTION_KEYS, within = j % FASTNN_ATTENTION_KEYS;
  const isize group = p->first + i * p->draws + block * FASTNN_ATTENTION_DRAWS + within / 64;
  float ones[64];
  for (int l = 0; l < 64; l++) ones[l] = 1;
  t->dropout(64, 64 * group, ones, p->threshold, p->boost, p->random, ones);
  return ones[within % 64];
}

static void compare(const fastnn_table *t, const fastnn_attention *p) {
  double share[MOST];
  for (isize i = 0; i < p->queries; i++) {
    expect(i, 0, p->norm[i], shares(p, i, share), TOLERANCE);
    for (isize j = 0; j < p->keys; j++) share[j] *= factor(t, p, i, j);
    for (isize c = 0; c < p->size; c++) {
      double y = 0;
      for (isize j = 0; j < p->keys; j++) y += share[j] * p->v[j * p->v_row + c];
      expect(i, c, p->y[i * p->y_row + c], y, TOLERANCE);
    }
  }
}

/* The first columns of rows with gaps between them. */
static void keep(isize rows, isize size, const float *x, isize row, double kept[][8]) {
  for (isize i = 0; i < rows; i++)
    for (isize c = 0; c < size && c < 8; c++) kept[i][c] = x[i * row + c];
}

/* keys, values: what dk and dv were, to which the gradients are added. */
static void compare_gradients(const fastnn_table *t, const fastnn_attention *p, double keys[][8], double values[][8]) {
  double share[MOST];
  for (isize i = 0; i < p->queries; i++) {
    double slope[MOST], kept[MOST], mean = 0;
    const float *q = p->q + i * p->q_row, *dy = p->dy + i * p->y_row;
    shares(p, i, share);
    for (isize j = 0; j < p->keys; j++) {
      slope[j] = 0;
      for (isize c = 0; c < p->size; c++) slope[j] += (double)dy[c] * p->v[j * p->v_row + c];
      kept[j] = factor(t, p, i, j);
      slope[j] *= kept[j];
      mean += share[j] * slope[j];
    }
    for (isize c = 0; c < p->size; c++) {
      double dq = 0;
      for (isize j = 0; j < p->keys; j++) {
        const double ds = p->scale * share[j] * (slope[j] - mean);
        dq += ds * p->k[j * p->k_row + c];
        if (c < 8) keys[j][c] += ds * q[c], values[j][c] += kept[j] * share[j] * dy[c];
      }
      expect(i, c, p->dq[i * p->q_row + c], dq, TOLERANCE);
    }
  }
  for (isize j = 0; j < p->keys; j++)
    for (isize c = 0; c < p->size && c < 8; c++) {
      expect(j, c, p->dk[j * p->k_row + c], keys[j][c], 8 * TOLERANCE);
      expect(j, c, p->dv[j * p->v_row + c], values[j][c], 8 * TOLERANCE);
    }
}

static const isize shapes[][3] = {{1, 1, 1},   {2, 3, 5},    {3, 7, 16},     {17, 17, 3},
                                  {5, 33, 32}, {49, 97, 33}, {50, MOST, 70}, {MOST, MOST, 4}};

void check_attention(const fastnn_table *t) {
  static float scratch[FASTNN_ATTENTION_SCRATCH];
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int kind = 0; kind < KINDS; kind++)
      for (places("%td queries, %td keys, size %td, kind %d", shapes[s][0], shapes[s][1], shapes[s][2], kind);
           next_place();) {
        fastnn_attention p = drawn(shapes[s][0], shapes[s][1], shapes[s][2], kind);
        t->attention(&p, scratch);
        compare(t, &p);
      }
}

void check_attention_gradient(const fastnn_table *t) {
  static float scratch[FASTNN_ATTENTION_SCRATCH];
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int kind = 0; kind < KINDS; kind++)
      for (places("%td queries, %td keys, size %td, kind %d", shapes[s][0], shapes[s][1], shapes[s][2], kind);
           next_place();) {
        fastnn_attention p = drawn(shapes[s][0], shapes[s][1], shapes[s][2], kind);
        double dk[MOST][8], dv[MOST][8];
        keep(p.keys, p.size, p.dk, p.k_row, dk);
        keep(p.keys, p.size, p.dv, p.v_row, dv);
        t->attention(&p, scratch);
        t->attention_gradient(&p, scratch);
        compare_gradients(t, &p, dk, dv);
      }
}
