/* Connectionist temporal classification, the loss of a sequence and its gradient: by the probabilities of all
 * alignments that begin, and that end, in each state at each time (Graves et al. 2006, section 4.1).
 * These become far smaller than a float can be. Each is m 2^e, m in [1, 2) a float and e an integer next to it; 0 is
 * m = 0, e = NEVER. The error of a product is then that of a float, whatever its size, where a logarithm in a float has
 * fewer digits the larger it is; and no step needs an exponential. A probability below 2^(NEVER / 2) is taken as 0. */
#ifndef FASTNN_CTC_H
#define FASTNN_CTC_H

#include "softmax.h"

#define NEVER (-(1 << 29))
#define FAINTEST (-65536.0f) /* of a logit relative to the greatest of its time: an exponential below it is 0 */

typedef struct {
  vf m;
  vi e;
} scaled;

/* Where the states of one time are: label p, p from 1 on, has the blank p - 1 before it and p after it. Nothing is at
 * label 0, and nothing after the last label and blank. */
typedef struct {
  float *label, *blank;     /* m of each */
  float *label_e, *blank_e; /* e of each, bits of integers */
} states;

/* Compilers make one instruction of it. */
INLINE vi greater_integer(vi a, vi b) {
  for (int l = 0; l < VL; l++) a[l] = a[l] > b[l] ? a[l] : b[l];
  return a;
}

INLINE vi integers(const float *p) { return (vi)load(p); }
INLINE scaled labels_at(const states *s, isize p) { return (scaled){load(s->label + p), integers(s->label_e + p)}; }
INLINE scaled blanks_at(const states *s, isize p) { return (scaled){load(s->blank + p), integers(s->blank_e + p)}; }
INLINE void put(float *m, float *e, scaled x) {
  store(m, x.m);
  store(e, (vf)x.e);
}

/* 2^(e - top), 0 where that is not a normal float; e <= top, or not much more. */
INLINE vf fraction(vi e, vi top) { return (vf)(greater_integer(e - top + 127, (vi){0}) << 23); }

/* Sums have m in [1, 6), or m = 0 with any e. */
INLINE scaled sum_of_2(scaled a, scaled b) {
  const vi top = greater_integer(a.e, b.e);
  return (scaled){a.m * fraction(a.e, top) + b.m * fraction(b.e, top), top};
}
INLINE scaled sum_of_3(scaled a, scaled b, scaled c) {
  const vi top = greater_integer(greater_integer(a.e, b.e), c.e);
  return (scaled){a.m * fraction(a.e, top) + b.m * fraction(b.e, top) + c.m * fraction(c.e, top), top};
}

INLINE scaled product_of(scaled a, scaled b) {
  const vf m = a.m * b.m;
  const vi bits = (vi)m, none = m == 0.0f;
  const vi e = a.e + b.e + (bits >> 23) - 127 + (none & 2 * NEVER);
  return (scaled){(vf)(~none & ((bits & 0x007fffff) | 0x3f800000)), greater_integer(e, (vi){0} + NEVER)};
}

/* The probability of the alignments through a state: of those that begin there, times those that end there. */
INLINE vf through(scaled a, scaled b, vi total_e) { return a.m * b.m * fraction(a.e + b.e, total_e); }

/* exp(x - most) of the blank at 0 and of each label after it, and 0 after the last. */
INLINE void emissions(const fastnn_ctc *p, const float *x, float most, isize row, float *m, float *e) {
  m[0] = x[p->blank];
  for (isize i = 0; i < p->count; i++) m[i + 1] = x[p->labels[i]];
  for (isize i = p->count + 1; i < row; i++) m[i] = -__builtin_inff();
  for (isize i = 0; i < row; i += VL) {
    const vf d = load(m + i) - most;
    vf n;
    const vf near = exp_reduced(greatest(d, broadcast(FAINTEST)), &n);
    put(m + i, e + i, (scaled){choose(d < FAINTEST, (vf){0}, near), __builtin_convertvector(n, vi)});
  }
}

/* One number in all lanes. */
INLINE scaled one_of(const float *m, const float *e) {
  int32_t exponent;
  memcpy(&exponent, e, sizeof exponent);
  return (scaled){broadcast(*m), (vi){0} + exponent};
}

/* n states that have probability 0. */
INLINE void put_never(isize n, float *m, float *e) {
  for (isize i = 0; i < n; i += VL) put(m + i, e + i, (scaled){{0}, (vi){0} + NEVER});
}

INLINE void put_certain(float *m, float *e) {
  *m = 1.0f;
  memset(e, 0, sizeof *e);
}

/* The states of the next time from those of this one, with that time's emissions m and e. apart: NEVER where a label
 * equals the one before, so that the blank between them cannot be left out; else 0. */
INLINE void next_states(isize row, const states *now, const float *apart, const float *m, const float *e,
                        states *next) {
  const scaled blank = one_of(m, e);
  for (isize i = 0; i < row; i += VL) {
    const scaled label = labels_at(now, i);
    scaled before = labels_at(now, i - 1);
    before.e += integers(apart + i);
    const scaled emission = {load(m + i), integers(e + i)};
    put(next->label + i, next->label_e + i, product_of(sum_of_3(label, blanks_at(now, i - 1), before), emission));
    put(next->blank + i, next->blank_e + i, product_of(sum_of_2(blanks_at(now, i), label), blank));
  }
}

/* The other way: of the alignments after this time, given the states of the next one with its emissions, which become
 * those of this one with the emissions m and e. For each label p, and for all blanks together, how probable the
 * alignments through it are, relative to 2^total_e; the sum over all states is returned. */
INLINE float earlier_states(isize row, const states *begun, const float *apart, const float *m, const float *e,
                            vi total_e, states *ended, float *of_label, float *of_blank) {
  const scaled blank = one_of(m, e);
  vf blanks = {0}, labels = {0};
  for (isize i = 0; i < row; i += VL) {
    const scaled label = labels_at(ended, i), blank_after = blanks_at(ended, i), after = labels_at(ended, i + 1);
    const scaled other = {after.m, after.e + integers(apart + i + 1)}, emission = {load(m + i), integers(e + i)};
    const scaled from_label = sum_of_3(label, blank_after, other), from_blank = sum_of_2(blank_after, after);
    const vf of_these = through(labels_at(begun, i), from_label, total_e);
    store(of_label + i, of_these);
    labels += of_these;
    blanks += through(blanks_at(begun, i), from_blank, total_e);
    put(ended->label + i, ended->label_e + i, product_of(from_label, emission));
    put(ended->blank + i, ended->blank_e + i, product_of(from_blank, blank));
  }
  *of_blank = sum_lanes(blanks);
  return sum_lanes(blanks + labels);
}

/* dx of a time, from the exponentials of its logits, which it holds, and their sum. total: of the shares of all states,
 * which is the same at each time but for rounding. */
INLINE void time_gradient(const fastnn_ctc *p, float sum, float total, float of_blank, const float *of_label,
                          float *dx) {
  const float share = p->scale / sum, each = p->scale / total;
  for (isize j = 0; j < p->classes; j += VL)
    store_up_to(dx + j, load_up_to(dx + j, p->classes - j) * share, p->classes - j);
  dx[p->blank] -= of_blank * each;
  for (isize i = 0; i < p->count; i++) dx[p->labels[i]] -= of_label[i + 1] * each;
}

/* A loss that has no gradient. */
INLINE double undefined(const fastnn_ctc *p, float loss) {
  for (isize i = 0; i < p->times * p->classes; i++) p->dx[i] = __builtin_nanf("");
  return (double)loss;
}

/* The sum of the logarithms. */
INLINE double sum_of_logarithms(isize n, const float *x) {
  vd sum = {{0}, {0}};
  for (isize i = 0; i < n; i += VL)
    sum = plus(sum, widen(choose(lanes_below(n - i), log_vector(load_up_to(x + i, n - i)), (vf){0})));
  return sum_lanes_double(sum);
}

/* -log of the probability of the labels, the sum over all their alignments, in nats; infinity where that is 0. dx =
 * scale (softmax(x) - the share of the alignments that have the class at the time). NaN in, NaN out. The scratch has
 * FASTNN_CTC_SCRATCH floats. */
static double kernel_ctc(const fastnn_ctc *p, float *scratch) {
  const isize row = FASTNN_CTC_ROW(p->count), padded = row + 16, all = 2 * row * (p->times + 1);
  /* What a time's first label finds before it is the end of the time before: so m and e are apart. */
  float *const m = scratch + 16, *const e = m + all + 16, *const emission = e + all;
  float *const emission_e = emission + p->times * row, *const apart = emission_e + p->times * row;
  float *const after = apart + padded, *const of_label = after + 4 * padded, *const sums = of_label + row;
  put_never(16, scratch, m + all);
  put_never(2 * row, m, e);
  put_never(2 * padded, after, after + 2 * padded);
  memset(apart, 0, (size_t)padded * sizeof *apart);
  for (isize i = 1; i < p->count; i++)
    if (p->labels[i] == p->labels[i - 1]) memcpy(apart + i + 1, &(int32_t){NEVER}, sizeof *apart);

  put_certain(m + row, e + row); /* before the first time: the blank before all labels, to which nothing is added */
  for (isize t = 0; t < p->times; t++) {
    float most, *at = m + 2 * t * row, *at_e = e + 2 * t * row;
    const float *x = p->x + t * p->classes;
    sums[t] = exponentials(p->classes, x, p->dx + t * p->classes, &most);
    if (sums[t] != sums[t]) return undefined(p, sums[t]);
    emissions(p, x, most, row, emission + t * row, emission_e + t * row);
    const states now = {at, at + row, at_e, at_e + row};
    states next = {at + 2 * row, at + 3 * row, at_e + 2 * row, at_e + 3 * row};
    next_states(row, &now, apart, emission + t * row, emission_e + t * row, &next);
  }
  const isize last = 2 * row * p->times + p->count;
  const scaled total = product_of(sum_of_2(one_of(m + last, e + last), one_of(m + last + row, e + last + row)),
                                  (scaled){broadcast(1.0f), {0}});
  if (total.m[0] == 0.0f || total.e[0] < NEVER / 2) return undefined(p, __builtin_inff());

  states ended = {after, after + padded, after + 2 * padded, after + 3 * padded};
  put_certain(ended.blank + p->count, ended.blank_e + p->count); /* after the last time, likewise */
  for (isize t = p->times - 1; t >= 0; t--) {
    float *at = m + 2 * (t + 1) * row, *at_e = e + 2 * (t + 1) * row;
    const states begun = {at, at + row, at_e, at_e + row};
    float of_blank;
    const float sum = earlier_states(row, &begun, apart, emission + t * row, emission_e + t * row, total.e, &ended,
                                     of_label, &of_blank);
    time_gradient(p, sums[t], sum, of_blank, of_label, p->dx + t * p->classes);
  }
  const vf log_m = log_vector(total.m);
  return sum_of_logarithms(p->times, sums) - ((double)log_m[0] + total.e[0] * 0.69314718055994530942);
}

#endif
