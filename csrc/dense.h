/* The product of matrices, started from a bias and followed by an activation or a derivative. The forward pass and
 * both gradients of a dense layer are this one function with different strides:
 *   y  = f(x W + b)     A = x,   B = W              (batch, in) (in, out)
 *   dx = (dz W^T) f'    A = dz,  B = W transposed   (batch, out) (out, in)
 *   dW = x^T dz         A = x transposed, B = dz    (in, batch) (batch, out)
 * Each element of C is summed over k from first to last with fused multiply-adds where the instruction set has them,
 * whatever the tile, the blocking of k or the packing: a row has the same bits in any batch. */
#ifndef FASTNN_DENSE_H
#define FASTNN_DENSE_H

#include "column_sum.h"
#include "tile.h"

/* B is cut into pieces of up to DEPTH rows and PANELS panels, which stay in the L2 cache (384 KB; 576 KB with AVX-512,
 * whose processors have larger ones), and all rows of A are multiplied by one piece before the next: of a row of tiles
 * of A, DEPTH terms stay in the L1 cache. */
#define DEPTH (12288 / PANEL)
#define PANELS (VECTOR_BYTES == 64 ? 12 : 8)
/* Where a transposed A is packed, pieces are shallow and wide: a row of tiles stays in the L1 cache next to a panel of
 * B, and is used more often. */
#define STRIP_DEPTH (3072 / PANEL)
#define STRIP_PANELS 32
/* For up to SHORT rows, B is packed in pieces of only SHORT_PANELS panels: reading A again costs little, and the first
 * piece, which nothing has fetched, is small. */
#define SHORT 256
#define SHORT_PANELS 3
/* Floats of B that stay in the L1 cache together with those of A. */
#define L1_FLOATS 6144

/* Where the sums are stored. */
INLINE float *sums(const fastnn_product *p) { return p->z ? p->z : p->c; }

/* C = f(sums) or, with y, C f'(y), while they are still in the L1 cache. Rows without gaps are one row: narrow ones
 * would each be the tail of a vector. */
INLINE void activate(int activation, isize rows, isize n, const float *sum, const float *y, isize y_row, float *c,
                     isize c_row) {
  if (activation == fastnn_identity) return;
  if (c_row == n && (!y || y_row == n)) {
    n *= rows;
    rows = 1;
  }
  if (y)
    gradients[activation](rows, n, y, y_row, c, c, c_row);
  else
    maps[activation](rows, n, sum, c, c_row);
}

/* The same for the rows from i on and the columns from j on of a product. */
INLINE void epilogue(const fastnn_product *p, isize i, isize rows, isize j, isize n) {
  const isize at = i * p->c_row + j;
  activate(p->activation, rows, n, sums(p) + at, p->y ? p->y + i * p->y_row + j : NULL, p->y_row, p->c + at, p->c_row);
}

static const float zeros[WIDE * VL] = {0};

/* The product of up to FEW rows with a B of rows, or packed. */
INLINE void few_rows(const fastnn_product *p) {
  tile_arguments t = {.k = p->k, .runs = 1, .a = p->a, .a_row = p->a_row, .a_column = p->a_column, .c_row = p->c_row};
  t.b_panel = p->b_packed ? PANEL * p->k : PANEL;
  for (isize j = 0, vectors; j < p->n; j += vectors * VL) {
    const isize n = p->n - j;
    vectors = p->m == 1 && n >= 8 * VL ? 8 : n >= 4 * VL ? 4 : n > VL ? 2 : 1;
    t.last = n - (vectors - 1) * VL;
    t.b = p->b + (p->b_packed ? j * p->k : j);
    t.b_row = p->b_packed ? panel_width(n) : p->b_row;
    t.c = sums(p) + j;
    t.start = p->add ? t.c : p->bias ? p->bias + j : zeros;
    t.start_row = p->add ? p->c_row : 0;
    if (vectors == 8)
      tile_1_8(&t);
    else if (vectors == 4)
      fours[p->m - 1](&t);
    else
      tiles[p->m - 1][vectors - 1][t.last >= VL ? 0 : p->b_packed ? 1 : 2](&t);
  }
}

/* The product of up to FEW rows with a B of n >= VL columns, stored by columns. A last partial vector is computed as
 * part of a whole one, in a block of its own. */
INLINE void few_rows_by_columns(const fastnn_product *p) {
  tile_arguments t = {.k = p->k, .a = p->a, .a_row = p->a_row, .a_column = p->a_column, .b_panel = p->b_column};
  float block[FEW * VL];
  for (isize j = 0, n; j < p->n; j += n) {
    n = p->n - j;
    const isize vectors = n >= PANEL ? 2 : 1, first = n < VL ? p->n - VL : j;
    t.b = p->b + first * p->b_column;
    t.c = n < VL ? block : sums(p) + first;
    t.c_row = n < VL ? VL : p->c_row;
    t.start = p->add ? sums(p) + first : p->bias ? p->bias + first : zeros;
    t.start_row = p->add ? p->c_row : 0;
    by_columns[p->m - 1][vectors - 1](&t);
    if (n >= VL)
      n = vectors * VL;
    else
      for (isize i = 0; i < p->m; i++) memcpy(sums(p) + i * p->c_row + j, block + (i + 1) * VL - n, n * sizeof *block);
  }
}

/* The i-th of `parts` nearly equal parts of n begins here. */
INLINE isize part_start(isize n, isize parts, isize i) { return parts == 1 ? n * i : n * i / parts; }

/* Whether lines this number of floats apart fall into the same few sets of a cache, and evict each other. */
INLINE int aliases(isize stride) { return stride > 512 && (stride * 4 + 64) % 4096 <= 128; }

/* Fetches x, `runs` runs of `length` floats, into the L2 cache. */
INLINE void fetch(const float *x, isize runs, isize length, isize stride) {
  for (isize i = 0; i < runs; i++)
    for (isize j = 0; j < length; j += 16) __builtin_prefetch(x + i * stride + j, 0, 2);
}

/* Whether each row of tiles of A is packed into a strip. A transposed A is, because a tile of 6 rows takes 6 floats of
 * a line of 16. The 12 rows of AVX-512 take most of a line, but where they evict each other, they are packed. */
INLINE int packs(const fastnn_rows *from, isize n) {
  const int transposed = from->a_row == 1;
  return n > 2 * PANEL && (TILE_ROWS == 6 ? transposed : aliases(transposed ? from->a_column : from->a_row));
}

/* How a product is cut into pieces: of up to `group` columns and, in `depths` parts, of the terms of their sums. */
typedef struct {
  isize group, groups, depths, pieces;
  isize tiles;  /* rows of tiles in C, including those of `beside` */
  int pack_b;   /* each piece of B is packed first */
  int by_depth; /* pieces of one depth follow each other, not those of one group */
} product_plan;

INLINE isize tiles_of(isize rows) { return (rows + TILE_ROWS - 1) / TILE_ROWS; }

INLINE product_plan plan_product(const fastnn_product *p, int strips) {
  const int shallow = strips && p->a_row == 1, many = p->b_packed || p->m + p->beside.m > SHORT;
  const isize depth = shallow ? STRIP_DEPTH : DEPTH;
  const isize group = (shallow ? STRIP_PANELS : many ? PANELS : SHORT_PANELS) * PANEL;
  product_plan plan = {.group = group,
                       .groups = (p->n + group - 1) / group,
                       .depths = p->k ? (p->k + depth - 1) / depth : 1, /* an empty sum equals its start */
                       .tiles = tiles_of(p->m) + tiles_of(p->beside.m)};
  plan.pieces = plan.groups * plan.depths;
  /* Packing transposes B where necessary, and pays off where B is read three times from beyond the L1 cache, or in
   * partial vectors. */
  const int pays = plan.tiles > 2 && (p->k * p->b_row > L1_FLOATS || p->n % VL);
  plan.pack_b = !p->b_packed && (p->b_column != 1 || pays);
  /* Reading a piece of a transposed A is expensive: all groups use it before the next one. */
  plan.by_depth = plan.pack_b && p->a_row == 1;
  return plan;
}

/* Columns start..start+n-1 of a product: `depth` terms of their sums from k on, and whether they are first or last. */
typedef struct {
  isize start, n, k, depth;
  int first, last;
} product_piece;

/* The s-th piece. */
INLINE product_piece piece_at(const fastnn_product *p, const product_plan *plan, isize s) {
  const isize groups = plan->groups, depths = plan->depths;
  const isize g = plan->by_depth ? s % groups : s / depths, d = plan->by_depth ? s / groups : s % depths;
  const isize start = g * plan->group, k = part_start(p->k, depths, d), left = p->n - start;
  const isize n = left < plan->group ? left : plan->group, depth = part_start(p->k, depths, d + 1) - k;
  return (product_piece){start, n, k, depth, d == 0, d == depths - 1};
}

/* Fetches the i-th of `parts` parts of B's piece, before it is packed. */
INLINE void fetch_piece(const fastnn_product *p, product_piece piece, isize parts, isize i) {
  const int by_rows = p->b_column == 1;
  const isize runs = by_rows ? piece.depth : piece.n, stride = by_rows ? p->b_row : p->b_column;
  const isize first = part_start(runs, parts, i), end = part_start(runs, parts, i + 1);
  const float *b = p->b + piece.k * p->b_row + piece.start * p->b_column;
  fetch(b + first * stride, end - first, by_rows ? piece.n : piece.depth, stride);
}

/* A piece of B as tiles read it: panels of `width` columns, PANEL except in the last, each `panel` floats after the
 * previous one. The piece starts `skipped` rows into them; a row is `row` floats long, or in packed panels (row 0)
 * `width`. */
typedef struct {
  const float *b;
  isize panel, skipped, row;
} product_panels;

/* Pass 1 of a piece: B (depth, n) packed into panels, or used in place. Its columns are summed when it comes into the
 * cache. */
INLINE product_panels take_b(const fastnn_product *p, const product_plan *plan, product_piece piece, float *panels) {
  if (p->b_packed) return (product_panels){p->b + piece.start * p->k, PANEL * p->k, piece.k, 0};
  const float *b = p->b + piece.k * p->b_row + piece.start * p->b_column;
  if (p->b_sum) kernel_column_sum(piece.depth, piece.n, b, p->b_row, !piece.first || p->add, p->b_sum + piece.start);
  if (!plan->pack_b) return (product_panels){b, PANEL, 0, p->b_row};
  kernel_pack(piece.depth, piece.n, b, p->b_row, p->b_column, panels);
  return (product_panels){panels, PANEL * piece.depth, 0, 0};
}

#define STRIP_ROW (DEPTH + 16)

/* Pass 2, for each row of tiles: A (rows, depth) from row i on packed into the strip, so that lines that evict each
 * other are read once, while the next row of tiles is fetched. */
INLINE void pack_a(const fastnn_rows *from, isize i, isize rows, float *strip, tile_arguments *t) {
  if (from->a_row == 1) {
    pack(t->k, rows, t->a, from->a_column, 1, rows, strip);
    t->a_column = rows;
  } else {
    pack(rows, t->k, t->a, from->a_row, 1, STRIP_ROW, strip);
    t->a_row = STRIP_ROW;
    if (i + rows < from->m) fetch(t->a + rows * from->a_row, TILE_ROWS, t->k, from->a_row);
  }
  t->a = strip;
}

/* Fetches what a tile's epilogue reads, as its sums begin: its rows are too far apart to be foreseen. */
INLINE void fetch_source(const float *y, isize rows, isize n, isize y_row) {
  for (isize r = 0; r < rows; r++) {
    __builtin_prefetch(y + r * y_row);
    __builtin_prefetch(y + r * y_row + n - 1);
  }
}

/* Pass 3, for each row of tiles: C (rows, n) from row i on = start + A B, a panel at a time, and, where the sums are
 * complete, the epilogue. */
INLINE void row_of_tiles(const fastnn_product *p, product_piece piece, product_panels b, const fastnn_rows *from,
                         isize i, isize rows, tile_arguments *t) {
  const int goes_on = !piece.first || p->add, across = t->a_row == 1 && t->a_column > TILE_ROWS;
  t->c = from->c + i * from->c_row + piece.start;
  t->c_row = from->c_row;
  t->start_row = goes_on ? t->c_row : 0;
  for (isize j = 0; j < piece.n; j += PANEL, b.b += b.panel, t->c += PANEL) {
    const isize n = piece.n - j < PANEL ? piece.n - j : PANEL, width = panel_width(n);
    t->last = n - (width - VL);
    t->b = b.b + b.skipped * width;
    t->b_row = b.row ? b.row : width;
    t->start = goes_on ? t->c : p->bias ? p->bias + piece.start + j : zeros;
    if (piece.last && p->y) fetch_source(p->y + i * p->y_row + piece.start + j, rows, n, p->y_row);
    tiles[rows - 1][width > VL][n < width ? b.row ? 2 : 1 : across ? 3 : 0](t);
    if (piece.last) epilogue(p, i, rows, piece.start + j, n);
  }
}

/* A strip of A and a packed piece of B. */
_Static_assert(TILE_ROWS *STRIP_ROW <= FASTNN_PRODUCT_STRIP, "a strip of A has room");
_Static_assert(PANELS * DEPTH * PANEL <= FASTNN_PRODUCT_SCRATCH - FASTNN_PRODUCT_STRIP, "a piece of B has room");
_Static_assert(STRIP_PANELS * STRIP_DEPTH * PANEL <= FASTNN_PRODUCT_SCRATCH - FASTNN_PRODUCT_STRIP,
               "a shallow piece has room");

/* scratch: FASTNN_PRODUCT_SCRATCH floats, with b_packed FASTNN_PRODUCT_STRIP, and NULL for a product of few rows. */
static void kernel_product(const fastnn_product *p, float *scratch) {
  if (p->n <= 0 || p->m + p->beside.m <= 0) return;
  if (fastnn_few_rows(p)) {
    if (p->b_packed || p->b_column == 1)
      few_rows(p);
    else
      few_rows_by_columns(p);
    epilogue(p, 0, p->m, 0, p->n);
    if (p->b_sum) kernel_column_sum(p->k, p->n, p->b, p->b_row, p->add, p->b_sum);
    return;
  }
  float *panels = scratch + FASTNN_PRODUCT_STRIP;
  const fastnn_rows all[] = {{p->m, p->a, p->a_row, p->a_column, sums(p), p->c_row}, p->beside};
  const int strips[] = {packs(all, p->n), packs(all + 1, p->n)};
  const product_plan plan = plan_product(p, strips[0]);
  product_piece next = piece_at(p, &plan, 0);
  for (isize s = 0; s < plan.pieces; s++) {
    const product_piece piece = next;
    const int fetches = plan.pack_b && s + 1 < plan.pieces;
    if (s + 1 < plan.pieces) next = piece_at(p, &plan, s + 1);
    const product_panels b = take_b(p, &plan, piece, panels);
    isize done = 0; /* rows of tiles; with each, a part of the next piece of B is fetched */
    for (const fastnn_rows *from = all; from < all + 2; from++) {
      const isize row_tiles = tiles_of(from->m);
      for (isize r = 0; r < row_tiles; r++) {
        const isize i = part_start(from->m, row_tiles, r), rows = part_start(from->m, row_tiles, r + 1) - i;
        tile_arguments t = {.k = piece.depth, .runs = 1, .a = from->a + i * from->a_row + piece.k * from->a_column};
        t.a_row = from->a_row, t.a_column = from->a_column;
        if (fetches) fetch_piece(p, next, plan.tiles, done++);
        if (strips[from - all]) pack_a(from, i, rows, scratch, &t);
        row_of_tiles(p, piece, b, from, i, rows, &t);
      }
    }
  }
}

#endif
