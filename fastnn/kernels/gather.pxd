from libc.stdint cimport int64_t

from fastnn.engine.op cimport ChunkedOp
from fastnn.engine.port cimport Port


cdef class Gathered(ChunkedOp):
    cdef Port port
    cdef const char *rows_from(self, Py_ssize_t row) noexcept nogil
    cdef const int64_t *order_from(self, Py_ssize_t row) noexcept nogil
    cdef bint reaches(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil
    cdef Py_ssize_t take(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil
    cdef const char *source(self, Py_ssize_t row) noexcept nogil
    cdef object given(self, Py_ssize_t row, Py_ssize_t column)
    cdef Py_ssize_t sample(self, Py_ssize_t row)
