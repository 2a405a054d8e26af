/* Parameter updates, each in one pass over flat blocks of n floats: with and without moments. Those with a
 * learning rate per parameter are in adaptive.h. decay: weight decay added to the gradient, g + decay p. */
#ifndef FASTNN_OPTIMIZER_H
#define FASTNN_OPTIMIZER_H

#include "simd.h"

/* v = momentum v + g; p -= rate v, or with nesterov p -= rate (g + momentum v). v may be NULL if momentum is 0.
 * Sutskever et al. 2013, in the form of Bengio et al. 2012. */
static void kernel_sgd(isize n, float *p, const float *g, float *v, float rate, float momentum, int nesterov,
                       float decay) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf pi = load_up_to(p + i, left); /* first, or a tail may round differently */
    vf step = load_up_to(g + i, left) + decay * pi;
    if (v) {
      vf velocity = momentum * load_up_to(v + i, left) + step;
      store_up_to(v + i, velocity, left);
      step = nesterov ? step + momentum * velocity : velocity;
    }
    store_up_to(p + i, pi - rate * step, left);
  }
}

/* m += rest1 (g - m); v += rest2 (g^2 - v); p -= shrink p + (step m + ahead g) / (sqrt(v) correction + epsilon).
 * Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2; with ahead Dozat 2016, algorithm 1. */
static void kernel_adam(isize n, float *p, const float *g, float *m, float *v, const fastnn_adam *settings) {
  const fastnn_adam s = *settings; /* a local copy: compilers must assume that a store changes the original */
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf pi = load_up_to(p + i, left), raw = load_up_to(g + i, left);
    vf first = load_up_to(m + i, left), second = load_up_to(v + i, left);
    const vf gi = raw + s.decay * pi;
    first += s.rest1 * (gi - first);
    second += s.rest2 * (gi * gi - second);
    const vf change = (s.step * first + s.ahead * gi) / (square_root(second) * s.correction + s.epsilon);
    const vf after = pi - (s.shrink * pi + change);
    store_up_to(m + i, first, left);
    store_up_to(v + i, second, left);
    store_up_to(p + i, after, left);
  }
}

/* p -= shrink p + rate sign(m + rest1 (g - m)); m += rest2 (g - m). Chen et al. 2023, algorithm 2. */
static void kernel_lion(isize n, float *p, const float *g, float *m, float rate, float rest1, float rest2,
                        float shrink) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf pi = load_up_to(p + i, left), gi = load_up_to(g + i, left), mi = load_up_to(m + i, left);
    const vf way = sign(mi + rest1 * (gi - mi)), first = mi + rest2 * (gi - mi);
    const vf after = pi - (shrink * pi + rate * way);
    store_up_to(m + i, first, left);
    store_up_to(p + i, after, left);
  }
}

#endif
