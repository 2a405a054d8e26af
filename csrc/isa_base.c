/* Every kernel for the architecture's baseline: SSE2 on x86-64, plain vectors elsewhere. */
#define ISA base
#define VECTOR_BYTES 16
#include "table.h"
