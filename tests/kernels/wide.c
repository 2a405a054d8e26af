/* Every kernel with vectors of 64 bytes where there may be no AVX-512: the text of that level, under another compiler. */
#define ISA wide
#define VECTOR_BYTES 64
#include "table.h"
