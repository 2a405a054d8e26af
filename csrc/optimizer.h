/* Parameter updates, each one pass over flat blocks of n floats. */
#ifndef FASTNN_OPTIMIZER_H
#define FASTNN_OPTIMIZER_H

#include "simd.h"

/* v = momentum v + g; p -= rate v, or with nesterov p -= rate (g + momentum v). v may be NULL if momentum is 0.
 * Sutskever et al. 2013, in the form of Bengio et al. 2012. */
static void kernel_sgd(isize n, float *p, const float *g, float *v, float rate, float momentum, int nesterov) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf pi = load_up_to(p + i, left); /* first, or a tail may round otherwise */
    vf step = load_up_to(g + i, left);
    if (v) {
      vf velocity = momentum * load_up_to(v + i, left) + step;
      store_up_to(v + i, velocity, left);
      step = nesterov ? step + momentum * velocity : velocity;
    }
    store_up_to(p + i, pi - rate * step, left);
  }
}

/* m += rest1 (g - m); v += rest2 (g^2 - v); p -= shrink p + step m / (sqrt(v) correction + epsilon), where
 * rest = 1 - beta, which a float beta near 1 would spoil, step = rate / (1 - beta1^t), shrink = rate * weight decay and
 * correction = 1 / sqrt(1 - beta2^t). Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2. */
static void kernel_adam(isize n, float *p, const float *g, float *m, float *v, float step, float correction,
                        float rest1, float rest2, float epsilon, float shrink) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf gi = load_up_to(g + i, left), pi = load_up_to(p + i, left);
    vf first = load_up_to(m + i, left), second = load_up_to(v + i, left);
    first += rest1 * (gi - first);
    second += rest2 * (gi * gi - second);
    store_up_to(m + i, first, left);
    store_up_to(v + i, second, left);
    const vf change = step * first / (square_root(second) * correction + epsilon);
    store_up_to(p + i, pi - (shrink * pi + change), left);
  }
}

#endif
