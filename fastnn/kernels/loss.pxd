from fastnn.op cimport ChunkedOp


cdef class Meter(ChunkedOp):
    cdef readonly double total, last
    cdef readonly Py_ssize_t count
    cdef Py_ssize_t columns
    cdef void record(self, double value) noexcept nogil
    cdef void add(self, double value) noexcept nogil
