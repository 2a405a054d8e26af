/* Pictures that are moved, turned, summed up and cut. */
#include <math.h>

#include "check.h"

#define SIZES(h, w, c)             \
  for (isize h = 1; h <= 5; h++)   \
    for (isize w = 1; w <= 7; w++) \
      for (isize c = 1; c <= 5; c++)

/* Element (i, j, k), or 0 outside. */
static double at(isize h, isize w, isize c, const float *x, isize i, isize j, isize k) {
  return i < 0 || i >= h || j < 0 || j >= w ? 0 : x[(i * w + j) * c + k];
}

void check_flip_shift(const fastnn_table *t) {
  SIZES(h, w, c)
  for (int steps = 0; steps < 4; steps++)
    for (isize row = -h - 1; row <= 2 * h; row += 1 + h / 3)
      for (isize column = -w - 1; column <= 2 * w; column += 1 + w / 4)
        for (places("%td x %td x %td, steps %d, from %td, %td", h, w, c, steps, row, column); next_place();) {
          const int row_step = steps / 2 ? -1 : 1, column_step = steps % 2 ? -1 : 1;
          float *x = random_floats(h * w * c), *y = floats(h * w * c);
          x[h * w * c / 2] = NAN;
          t->flip_shift(h, w, c, x, row, row_step, column, column_step, y);
          for (isize e = 0; e < h * w * c; e++) {
            const isize i = e / c / w, j = e / c % w;
            expect(i, j, y[e], at(h, w, c, x, row + row_step * i, column + column_step * j, e % c), 0);
          }
        }
}

/* The weight of pixel (p, q) in pixel (i, j): a hat about where that comes from. */
static double weight(isize h, isize w, double cosine, double sine, isize i, isize j, isize p, isize q) {
  const double u = i - (h - 1) / 2.0, v = j - (w - 1) / 2.0;
  const double row = (h - 1) / 2.0 + cosine * u + sine * v, column = (w - 1) / 2.0 + cosine * v - sine * u;
  return fmax(0, 1 - fabs(row - p)) * fmax(0, 1 - fabs(column - q));
}

void check_rotate(const fastnn_table *t) {
  SIZES(h, w, c)
  for (int each = 0; each < 6; each++)
    for (places("%td x %td x %td, %d", h, w, c, each); next_place();) {
      const double angle = each < 2 ? 0 : uniform(-3.2f, 3.2f), cosine = cos(angle), sine = sin(angle);
      const int transposed = each % 2;
      float *x = random_floats(h * w * c), *y = floats(h * w * c);
      t->rotate(h, w, c, x, cosine, sine, transposed, y);
      for (isize e = 0; e < h * w * c; e++) {
        double wanted = 0, scale = 0;
        for (isize f = e % c; f < h * w * c; f += c) {
          const isize to = (transposed ? f : e) / c, from = (transposed ? e : f) / c;
          const double part = weight(h, w, cosine, sine, to / w, to % w, from / w, from % w);
          wanted += part * x[f], scale += fabs(x[f]);
        }
        expect(e / c / w, e / c % w, y[e], wanted, each < 2 ? 0 : 4 * UNIT * scale);
      }
    }
}

void check_sum(const fastnn_table *t) {
  for (isize n = 1; n <= 3 * TAILS; n++)
    for (places("n %td", n); next_place();) {
      float *x = random_floats(n);
      double wanted = 0, scale = 0;
      for (isize i = 0; i < n; i++) wanted += x[i], scale += fabs(x[i]);
      expect(0, n, returned(t->sum(n, x)), wanted, 1e-14 * scale);
      x[n / 2] = NAN;
      expect(1, n, t->sum(n, x), NAN, 0);
    }
}

void check_cutout(const fastnn_table *t) {
  SIZES(h, w, c)
  for (isize top = 0; top <= h; top += 1 + h / 2)
    for (isize left = 0; left <= w; left += 1 + w / 3)
      for (places("%td x %td x %td, from %td, %td", h, w, c, top, left); next_place();) {
        const isize bottom = (top + h) / 2, right = left + (w - left) / 2;
        float *x = random_floats(h * w * c), *y = floats(h * w * c);
        x[(top < h ? top : 0) * w * c] = NAN;
        t->cutout(h, w, c, x, top, bottom, left, right, y);
        for (isize e = 0; e < h * w * c; e++) {
          const isize i = e / c / w, j = e / c % w;
          expect(i, j, y[e], i >= top && i < bottom && j >= left && j < right ? 0 : x[e], 0);
        }
      }
}
