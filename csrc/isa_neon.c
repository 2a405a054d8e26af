/* Every kernel for aarch64 (Advanced SIMD). */
#define ISA neon
#define VECTOR_BYTES 16
#include "table.h"
