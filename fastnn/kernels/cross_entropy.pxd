from libc.stdint cimport int32_t

from fastnn.kernels.loss cimport Loss


cdef class CrossEntropy(Loss):
    cdef const int32_t *label
    cdef const float *mass_of_row
    cdef const float *count_of_row
    cdef bint fits(self) noexcept nogil
