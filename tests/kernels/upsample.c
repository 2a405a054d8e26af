/* Bilinear interpolation to larger images, and its gradient. */
#include <math.h>

#include "check.h"

#define IMAGES 2

static const fastnn_upsampling sizes[] = {
    {.height = 2, .width = 3, .down = 2, .across = 2},
    {.height = 3, .width = 2, .down = 1, .across = 3},
    {.height = 1, .width = 1, .down = 3, .across = 4},
};
#define KINDS ((int)(sizeof sizes / sizeof sizes[0]))

/* How much of a pixel output i of an axis is made of. */
static double share(isize i, isize pixel, isize scale, isize size) {
  const double place = ((double)i + 0.5) / (double)scale - 0.5;
  const double inside = fmin(fmax(place, 0), (double)(size - 1));
  return fmax(1 - fabs(inside - (double)pixel), 0);
}

/* sum = that over all pixels of an output, or with `back` over all outputs of a pixel, of element `at` of those. */
static void expect_blend(const fastnn_upsampling *p, int back, const float *given, isize at, float actual) {
  const isize n = p->channels, height = p->height * p->down, width = p->width * p->across;
  const isize to_width = back ? p->width : width, to_height = back ? p->height : height;
  const isize from_width = back ? width : p->width, from_height = back ? height : p->height;
  const isize channel = at % n, column = at / n % to_width, row = at / n / to_width % to_height;
  const float *image = given + at / n / to_width / to_height * from_height * from_width * n;
  double sum = 0, size = 0;
  for (isize i = 0; i < from_height; i++)
    for (isize j = 0; j < from_width; j++) {
      const double down = back ? share(i, row, p->down, p->height) : share(row, i, p->down, p->height);
      const double across = back ? share(j, column, p->across, p->width) : share(column, j, p->across, p->width);
      sum += down * across * image[(i * from_width + j) * n + channel];
      size += down * across * fabs((double)image[(i * from_width + j) * n + channel]);
    }
  expect(at / n, channel, actual, sum, 16 * UNIT * size);
}

static void check(int back, void (*kernel)(const fastnn_upsampling *p, isize first, isize rows, const float *given,
                                           float *made)) {
  for (int kind = 0; kind < KINDS; kind++)
    for (isize n = 1; n <= TAILS; n++)
      for (places("kind %d, channels %td", kind, n); next_place();) {
        fastnn_upsampling p = sizes[kind];
        p.channels = n;
        const isize small = IMAGES * p.height * p.width * n, large = small * p.down * p.across;
        const isize rows = IMAGES * (back ? p.height : p.height * p.down), count = back ? small : large;
        float *given = random_floats(back ? large : small), *made = floats(count), *alone = floats(count);
        kernel(&p, 0, rows, given, made);
        for (isize at = 0; at < count; at++) expect_blend(&p, back, given, at, made[at]);
        for (isize row = 0; row < rows; row++) kernel(&p, row, 1, given, alone);
        expect_same(0, count, alone, made);
      }
}

void check_bilinear(const fastnn_table *t) { check(0, t->bilinear); }
void check_bilinear_gradient(const fastnn_table *t) { check(1, t->bilinear_gradient); }
