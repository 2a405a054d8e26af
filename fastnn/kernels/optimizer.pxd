from fastnn.kernels.elementary cimport Elementwise


cdef class Flat(Elementwise):
    cdef Py_ssize_t n
    cdef void prepare(self) noexcept nogil
    cdef double rate(self) noexcept nogil


cdef class Update(Flat):
    cdef float *parameters
    cdef const float *gradients
    cdef float *slots[3]    # NULL where there is none
    cdef float decay
    cdef tuple bind_update(self, object parameters, object gradients, tuple slots, double decay)
    cdef float *slot(self, int i, Py_ssize_t start) noexcept nogil
