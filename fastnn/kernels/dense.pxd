from fastnn.engine.csrc cimport fastnn_product
from fastnn.engine.op cimport scratch
from fastnn.kernels.packing cimport Packing

cdef extern from "kernels.h":
    bint fastnn_few_rows(const fastnn_product *p) noexcept nogil


cdef inline float *scratch_for(const fastnn_product *p) noexcept nogil:
    """Few rows need none: to find it takes 5 ns, as long as a product of 8 x 8."""
    return NULL if fastnn_few_rows(p) else scratch()


cdef class Packed(Packing):
    cdef const float *b
    cdef Py_ssize_t k, n, row, column
