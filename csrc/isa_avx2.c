/* Every kernel for x86-64-v3 (AVX2, FMA). */
#define ISA avx2
#define VECTOR_BYTES 32
#include "table.h"
