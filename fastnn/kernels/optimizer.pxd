from fastnn.kernels.sharing cimport Flat


cdef class Update(Flat):
    cdef float *parameters
    cdef const float *gradients
    cdef float *slots[3]    # NULL where there is none
    cdef float decay
    cdef public double factor  # of the learning rate
    cdef double rate(self) noexcept nogil
    cdef tuple bind_update(self, object parameters, object gradients, tuple slots, double decay)
    cdef float *slot(self, int i, Py_ssize_t start) noexcept nogil
