/* Recurrent cells: the part of a time step after its matrix products. The rows are sequences; n units. */
#ifndef FASTNN_RECURRENT_H
#define FASTNN_RECURRENT_H

#include "elementary.h"

/* One step of an LSTM. z (rows, 4 n): the sums of the gates i, f, g, o, which become sigmoid, sigmoid, tanh, sigmoid of
 * them; c (rows, n): the previous state, which becomes f c + i g; before (rows, n), or NULL: gets the previous state;
 * h (rows, n) = o tanh(c). Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000. */
static void kernel_lstm(isize rows, isize n, float *z, float *before, float *c, float *h) {
  for (isize r = 0; r < rows; r++, z += 4 * n, c += n, h += n, before += before ? n : 0)
    for (isize j = 0; j < n; j += VL) {
      const isize left = n - j;
      const vf zi = load_up_to(z + j, left), zf = load_up_to(z + n + j, left), zg = load_up_to(z + 2 * n + j, left);
      const vf zo = load_up_to(z + 3 * n + j, left), state = load_up_to(c + j, left);
      const vf i = sigmoid_vector(zi), f = sigmoid_vector(zf), g = tanh_vector(zg), o = sigmoid_vector(zo);
      const vf next = held(f * state) + i * g, y = o * tanh_vector(next);
      if (before) store_up_to(before + j, state, left);
      store_up_to(z + j, i, left);
      store_up_to(z + n + j, f, left);
      store_up_to(z + 2 * n + j, g, left);
      store_up_to(z + 3 * n + j, o, left);
      store_up_to(c + j, next, left);
      store_up_to(h + j, y, left);
    }
}

/* The gradient of an LSTM step. z (rows, 4 n): the gates, which become the gradients of their sums; before (rows, n):
 * the previous state; dh (rows, n): the gradient of h; dc (rows, n): that of c, which becomes that of the previous
 * state. */
static void kernel_lstm_gradient(isize rows, isize n, const float *before, const float *dh, float *dc, float *z) {
  for (isize r = 0; r < rows; r++, z += 4 * n, before += n, dh += n, dc += n)
    for (isize j = 0; j < n; j += VL) {
      const isize left = n - j;
      const vf i = load_up_to(z + j, left), f = load_up_to(z + n + j, left), g = load_up_to(z + 2 * n + j, left);
      const vf o = load_up_to(z + 3 * n + j, left), state = load_up_to(before + j, left);
      const vf dy = load_up_to(dh + j, left), later = load_up_to(dc + j, left);
      const vf t = tanh_vector(held(f * state) + i * g), d = dy * o * (1.0f - t * t) + later;
      store_up_to(z + j, d * g * i * (1.0f - i), left);
      store_up_to(z + n + j, d * state * f * (1.0f - f), left);
      store_up_to(z + 2 * n + j, d * i * (1.0f - g * g), left);
      store_up_to(z + 3 * n + j, dy * t * o * (1.0f - o), left);
      store_up_to(dc + j, d * f, left);
    }
}

/* One step of a GRU whose reset gate comes after the product. z (rows, 3 n): the input's sums of r, z, n, which become
 * the gates sigmoid(z_r + s_r), sigmoid(z_z + s_z) and tanh(z_n + r s_n); s (rows, 3 n): the state's sums;
 * h (rows, n): the previous state, which becomes n + z (h - n). Cho et al. 2014; same order as cuDNN and PyTorch. */
static void kernel_gru(isize rows, isize n, float *z, const float *s, float *h) {
  for (isize row = 0; row < rows; row++, z += 3 * n, s += 3 * n, h += n)
    for (isize j = 0; j < n; j += VL) {
      const isize left = n - j;
      const vf zr = load_up_to(z + j, left), zz = load_up_to(z + n + j, left), zn = load_up_to(z + 2 * n + j, left);
      const vf sr = load_up_to(s + j, left), sz = load_up_to(s + n + j, left), sn = load_up_to(s + 2 * n + j, left);
      const vf state = load_up_to(h + j, left);
      const vf r = sigmoid_vector(zr + sr), u = sigmoid_vector(zz + sz), next = tanh_vector(zn + r * sn);
      const vf y = next + u * (state - next);
      store_up_to(z + j, r, left);
      store_up_to(z + n + j, u, left);
      store_up_to(z + 2 * n + j, next, left);
      store_up_to(h + j, y, left);
    }
}

/* The gradient of a GRU step. z (rows, 3 n): the gates, which become the gradients of the input's sums; s (rows, 3 n):
 * the state's sums, which become their gradients; before (rows, n): the previous state; dh (rows, n): the gradient of
 * h, which becomes the part of the previous state's gradient that comes from the blend; the rest comes through s. */
static void kernel_gru_gradient(isize rows, isize n, const float *before, float *dh, float *z, float *s) {
  for (isize row = 0; row < rows; row++, z += 3 * n, s += 3 * n, before += n, dh += n)
    for (isize j = 0; j < n; j += VL) {
      const isize left = n - j;
      const vf r = load_up_to(z + j, left), u = load_up_to(z + n + j, left), next = load_up_to(z + 2 * n + j, left);
      const vf sn = load_up_to(s + 2 * n + j, left), state = load_up_to(before + j, left);
      const vf dy = load_up_to(dh + j, left);
      const vf dn = dy * (1.0f - u) * (1.0f - next * next), dr = dn * sn * r * (1.0f - r);
      const vf du = dy * (state - next) * u * (1.0f - u);
      store_up_to(z + j, dr, left);
      store_up_to(s + j, dr, left);
      store_up_to(z + n + j, du, left);
      store_up_to(s + n + j, du, left);
      store_up_to(z + 2 * n + j, dn, left);
      store_up_to(s + 2 * n + j, dn * r, left);
      store_up_to(dh + j, dy * u, left);
    }
}

/* One more step of the maximum over time: where x is greater than best, or the first NaN, best = x and place = step;
 * step 0 initializes all. x, best, place: (n). */
static void kernel_latest_maximum(isize n, isize step, const float *x, float *best, int32_t *place) {
  for (isize j = 0; j < n; j++)
    if (!step || x[j] > best[j] || (x[j] != x[j] && best[j] == best[j])) best[j] = x[j], place[j] = (int32_t)step;
}

#endif
