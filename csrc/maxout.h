/* Maxout: the maximum of linear pieces. z (rows, pieces, units): piece after piece, so that units form vectors. */
#ifndef FASTNN_MAXOUT_H
#define FASTNN_MAXOUT_H

#include "simd.h"

/* y (rows, units) = the maximum over the pieces of z; NaN where one is NaN. Goodfellow et al. 2013, eq. 2. */
static void kernel_maxout(isize rows, isize units, isize pieces, const float *z, float *y) {
  for (; rows > 0; rows--, z += pieces * units, y += units)
    for (isize j = 0; j < units; j += VL) {
      vf most = load_up_to(z + j, units - j);
      for (isize p = 1; p < pieces; p++) {
        const vf next = load_up_to(z + p * units + j, units - j);
        most = choose((most > next) | (most != most), most, next);
      }
      store_up_to(y + j, most, units - j);
    }
}

/* dz = dy in the first piece that equals y, 0 in the others. */
static void kernel_maxout_gradient(isize rows, isize units, isize pieces, const float *z, const float *y,
                                   const float *dy, float *dz) {
  for (; rows > 0; rows--, z += pieces * units, dz += pieces * units, y += units, dy += units)
    for (isize j = 0; j < units; j += VL) {
      const isize left = units - j;
      const vf most = load_up_to(y + j, left), d = load_up_to(dy + j, left);
      vi given = {0};
      for (isize p = 0; p < pieces; p++) {
        const vf next = load_up_to(z + p * units + j, left);
        const vi first = ((next == most) | (next != next)) & ~given;
        given |= first;
        store_up_to(dz + p * units + j, (vf)((vi)d & first), left);
      }
    }
}

#endif
