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
