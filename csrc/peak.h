/* Peak floating-point throughput: the reference that products are measured against. */
#ifndef FASTNN_PEAK_H
#define FASTNN_PEAK_H

#include "simd.h"

/* 24 n VL floating-point operations from registers alone, at peak speed. */
static float kernel_peak(isize n) {
  vf sum[12];
  const vf x = broadcast(0.5f), y = broadcast(1.0f);
#pragma GCC unroll 12
  for (int i = 0; i < 12; i++) sum[i] = broadcast((float)(n + i)); /* from n, or the compiler folds 2 x + y = 2 */
  for (; n > 0; n--)
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++) sum[i] = sum[i] * x + y;
#pragma GCC unroll 12
  for (int i = 1; i < 12; i++) sum[0] += sum[i];
  return sum_lanes(sum[0]);
}

#endif
