from fastnn.engine.tensor cimport Tensor
from fastnn.kernels.meter cimport Meter


cdef class Loss(Meter):
    cdef const float *x
    cdef const float *target
    cdef float *dx
    cdef double unit   # a power of two that the weights are multiplied by
    cdef Tensor weighed
    cdef float *weights  # its elements: the weights of a run so multiplied
    cdef double scale  # 1 / what the sum is divided by
    cdef bint finite
    cdef double terms(self) noexcept nogil
    cdef void divide(self) noexcept nogil
    cdef void make_weights(self, Py_ssize_t rows) except *
    cdef const float *weigh(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil
    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil


cdef class ElementwiseLoss(Loss):
    cdef int loss
    cdef float setting


cdef inline const float *after(const float *start, Py_ssize_t n) noexcept nogil:
    """start + n, NULL for NULL."""
    if start == NULL:
        return NULL
    return start + n
