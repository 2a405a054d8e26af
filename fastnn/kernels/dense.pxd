from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor


cdef class Packed(Op):
    cdef const float *b
    cdef float *c
    cdef Py_ssize_t k, n, row, column
    cdef readonly Tensor weight, panels
