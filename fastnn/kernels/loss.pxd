from fastnn.engine.op cimport ChunkedOp
from fastnn.engine.tensor cimport Tensor


cdef class Meter(ChunkedOp):
    cdef readonly double total, last, count
    cdef Py_ssize_t columns
    cdef const float *weight  # of each row, NULL for 1
    cdef void take_weight(self, Tensor weight) except *
    cdef double mass(self) noexcept nogil
    cdef double counted       # the weight of the last batch
    cdef void record(self, double value, double weight) noexcept nogil
    cdef void add(self, double value) noexcept nogil


cdef class Loss(Meter):
    cdef const float *x
    cdef const float *target
    cdef float *dx
    cdef double scale  # 1 / what the sum is divided by
    cdef bint finite
    cdef double terms(self) noexcept nogil
    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil


cdef class ElementwiseLoss(Loss):
    cdef int loss
    cdef float setting


cdef inline const float *after(const float *start, Py_ssize_t n) noexcept nogil:
    """start + n, NULL for NULL."""
    if start == NULL:
        return NULL
    return start + n
