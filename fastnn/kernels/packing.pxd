from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor


cdef class Packing(Op):
    cdef readonly Tensor weight, panels
    cdef readonly object given  # the settings it is for, or None where the shape says it all
    cdef float *c               # the panels
    cdef void pack_into_panels(self, Tensor weight, Py_ssize_t size, object given) except *


cdef class Prepared(Op):
    cdef Packing packing        # of the weight, or None
    cdef bint own               # whether it is this op's own
    cdef Tensor matrix(self, object weight, type kind)
    cdef void prepare(self, object weight, type kind, tuple settings) except *
    cdef bint packs(self) noexcept nogil
