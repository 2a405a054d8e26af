/* Updates with a learning rate per parameter, each in one pass over flat blocks of n floats.
 * decay: weight decay added to the gradient, g + decay p. */
#ifndef FASTNN_ADAPTIVE_H
#define FASTNN_ADAPTIVE_H

#include "simd.h"

/* v += rest (g^2 - v); c = g / (sqrt(v) + epsilon), with a mean a += rest (g - a) and sqrt(v - a^2) instead;
 * b = momentum b + c; p -= rate b. mean may be NULL, and buffer too if momentum is 0: then p -= rate c.
 * Tieleman & Hinton 2012; centred Graves 2013, eq. 38-45. */
static void kernel_rmsprop(isize n, float *p, const float *g, float *v, float *mean, float *buffer, float rate,
                           float rest, float epsilon, float momentum, float decay) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf pi = load_up_to(p + i, left), raw = load_up_to(g + i, left), vi = load_up_to(v + i, left);
    const vf ai = mean ? load_up_to(mean + i, left) : (vf){0}, bi = buffer ? load_up_to(buffer + i, left) : (vf){0};
    const vf gi = raw + decay * pi, square = vi + rest * (gi * gi - vi), average = ai + rest * (gi - ai);
    /* v - a^2 may round to a negative number */
    const vf spread = mean ? greatest((vf){0}, square - average * average) : square;
    const vf change = momentum * bi + gi / (square_root(spread) + epsilon);
    const vf after = pi - rate * change;
    store_up_to(v + i, square, left);
    if (mean) store_up_to(mean + i, average, left);
    if (buffer) store_up_to(buffer + i, change, left);
    store_up_to(p + i, after, left);
  }
}

/* v += g^2; p -= rate g / (sqrt(v) + epsilon). Duchi et al. 2011, figure 1 (diagonal). */
static void kernel_adagrad(isize n, float *p, const float *g, float *v, float rate, float epsilon, float decay) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf pi = load_up_to(p + i, left), raw = load_up_to(g + i, left), vi = load_up_to(v + i, left);
    const vf gi = raw + decay * pi, square = vi + gi * gi;
    const vf after = pi - rate * gi / (square_root(square) + epsilon);
    store_up_to(v + i, square, left);
    store_up_to(p + i, after, left);
  }
}

/* v += rest (g^2 - v); d = sqrt((u + epsilon) / (v + epsilon)) g; u += rest (d^2 - u); p -= rate d.
 * Zeiler 2012, algorithm 1. */
static void kernel_adadelta(isize n, float *p, const float *g, float *v, float *u, float rate, float rest,
                            float epsilon, float decay) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf pi = load_up_to(p + i, left), raw = load_up_to(g + i, left);
    const vf vi = load_up_to(v + i, left), ui = load_up_to(u + i, left);
    const vf gi = raw + decay * pi, square = vi + rest * (gi * gi - vi);
    const vf change = square_root((ui + epsilon) / (square + epsilon)) * gi;
    const vf changes = ui + rest * (change * change - ui), after = pi - rate * change;
    store_up_to(v + i, square, left);
    store_up_to(u + i, changes, left);
    store_up_to(p + i, after, left);
  }
}

/* p -= size sign(g), where size grows by `grow` while the sign of g stays, and shrinks by `shrink` where it changes:
 * there p stays, and the stored gradient is set to 0. A size of 0 is not initialized yet: it starts at rate with the
 * first nonzero g, so that padding stays 0. Riedmiller & Braun 1993, in the form iRprop- of Igel & Huesken 2000. */
static void kernel_rprop(isize n, float *p, const float *g, float *before, float *size, float rate, float shrink,
                         float grow, float low, float high) {
  for (isize i = 0; i < n; i += VL) {
    const isize left = n - i;
    const vf pi = load_up_to(p + i, left), gi = load_up_to(g + i, left);
    const vf old = load_up_to(before + i, left), si = load_up_to(size + i, left);
    const vf same = sign(gi) * sign(old); /* the product of g and old may underflow */
    const vf factor = choose(same > 0, broadcast(grow), choose(same < 0, broadcast(shrink), broadcast(1)));
    vf step = choose(si == 0, broadcast(rate), si) * factor;
    step = least(broadcast(high), greatest(broadcast(low), step));
    const vf used = choose(same < 0, (vf){0}, gi), after = pi - step * sign(used);
    store_up_to(before + i, used, left);
    store_up_to(size + i, choose((si == 0) & (gi == 0), si, step), left);
    store_up_to(p + i, after, left);
  }
}

#endif
