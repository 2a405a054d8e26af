from fastnn.kernels.elementary cimport Elementwise


cdef class Rows(Elementwise):
    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil
