from fastnn.kernels.packing cimport Packing


cdef class Packed(Packing):
    cdef const float *b
    cdef Py_ssize_t k, n, row, column
