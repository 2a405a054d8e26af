# Memory of a thread for one part of an op at a time, too large for its stack; given back when the part ends.

cdef extern from *:
    """
    #include "kernels.h"
    static float *fastnn_scratch(void) {
        enum { FLOATS = FASTNN_WINOGRAD_SCRATCH > FASTNN_ATTENTION_SCRATCH ? FASTNN_WINOGRAD_SCRATCH
                                                                           : FASTNN_ATTENTION_SCRATCH };
        static _Thread_local float scratch[FLOATS] __attribute__((aligned(64)));
        return scratch;
    }
    """
    float *fastnn_scratch() noexcept nogil
