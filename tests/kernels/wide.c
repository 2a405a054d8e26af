/* Every kernel with vectors of 64 bytes where there is no AVX-512: its text, by the ways that do without. */
#define ISA wide
#define VECTOR_BYTES 64
#include "table.h"
