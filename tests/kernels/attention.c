/* Attention of one head, and its gradients. */
#include <math.h>

#include "check.h"

#define TOLERANCE 1e-5
#define MOST (FASTNN_ATTENTION_KEYS + 5) /* queries and keys */

/* A head: shapes, and rows with gaps between them. */
static fastnn_attention drawn(isize queries, isize keys, isize size, int causal) {
  const isize q_row = size + 3, k_row = size + 1, v_row = size, y_row = size + 2;
  return (fastnn_attention){
      .queries = queries,
      .keys = keys,
      .size = size,
      .offset = keys - queries,
      .causal = causal,
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
  };
}

/* The softmax of a query's scores into share, zeros where it sees nothing; returns the logarithm of their sum. */
static double shares(const fastnn_attention *p, isize i, double *share) {
  const isize n = p->causal ? i + p->offset + 1 : p->keys;
  double most = -INFINITY, sum = 0;
  for (isize j = 0; j < p->keys; j++) {
    share[j] = 0;
    if (j >= n) continue;
    for (isize c = 0; c < p->size; c++) share[j] += (double)p->q[i * p->q_row + c] * p->k[j * p->k_row + c];
    share[j] *= p->scale;
    most = fmax(most, share[j]);
  }
  for (isize j = 0; j < n; j++) sum += share[j] = exp(share[j] - most);
  for (isize j = 0; j < n; j++) share[j] /= sum;
  return most + log(sum);
}

static void compare(const fastnn_attention *p) {
  double share[MOST];
  for (isize i = 0; i < p->queries; i++) {
    expect(i, 0, p->norm[i], shares(p, i, share), TOLERANCE);
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
static void compare_gradients(const fastnn_attention *p, double keys[][8], double values[][8]) {
  double share[MOST];
  for (isize i = 0; i < p->queries; i++) {
    double slope[MOST], mean = 0;
    const float *q = p->q + i * p->q_row, *dy = p->dy + i * p->y_row;
    shares(p, i, share);
    for (isize j = 0; j < p->keys; j++) {
      slope[j] = 0;
      for (isize c = 0; c < p->size; c++) slope[j] += (double)dy[c] * p->v[j * p->v_row + c];
      mean += share[j] * slope[j];
    }
    for (isize c = 0; c < p->size; c++) {
      double dq = 0;
      for (isize j = 0; j < p->keys; j++) {
        const double ds = p->scale * share[j] * (slope[j] - mean);
        dq += ds * p->k[j * p->k_row + c];
        if (c < 8) keys[j][c] += ds * q[c], values[j][c] += share[j] * dy[c];
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
    for (int causal = 0; causal < 2; causal++)
      for (places("%td queries, %td keys, size %td, causal %d", shapes[s][0], shapes[s][1], shapes[s][2], causal);
           next_place();) {
        fastnn_attention p = drawn(shapes[s][0], shapes[s][1], shapes[s][2], causal);
        t->attention(&p, scratch);
        compare(&p);
      }
}

void check_attention_gradient(const fastnn_table *t) {
  static float scratch[FASTNN_ATTENTION_SCRATCH];
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int causal = 0; causal < 2; causal++)
      for (places("%td queries, %td keys, size %td, causal %d", shapes[s][0], shapes[s][1], shapes[s][2], causal);
           next_place();) {
        fastnn_attention p = drawn(shapes[s][0], shapes[s][1], shapes[s][2], causal);
        double dk[MOST][8], dv[MOST][8];
        keep(p.keys, p.size, p.dk, p.k_row, dk);
        keep(p.keys, p.size, p.dv, p.v_row, dv);
        t->attention(&p, scratch);
        t->attention_gradient(&p, scratch);
        compare_gradients(&p, dk, dv);
      }
}
