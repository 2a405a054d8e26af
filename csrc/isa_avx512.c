/* Every kernel for x86-64-v4 (AVX-512 F, BW, CD, DQ, VL). */
#define ISA avx512
#define VECTOR_BYTES 64
#include "table.h"
