from fastnn.engine.op cimport Op


cdef class Elementwise(Op):
    cdef Py_ssize_t columns
    cdef tuple bind_equal(self, tuple tensors)
    cdef Py_ssize_t extent(self) noexcept nogil
    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil
