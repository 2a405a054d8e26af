/* The measure of the peak. */
#include "check.h"

/* 12 sums a lane, each of which tends to 2. */
void check_peak(const fastnn_table *t) {
  for (places("steps 1000"); next_place();) expect(0, 0, t->peak(1000), 24.0 * (double)t->lanes, 1e-3);
}
