from libc.stdint cimport int32_t

from fastnn.engine.op cimport ChunkedOp
from fastnn.engine.port cimport Port
from fastnn.engine.tensor cimport Tensor


cdef class Gathered(ChunkedOp):
    cdef Port port
    cdef bint reaches(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil
    cdef Py_ssize_t take(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil
    cdef Py_ssize_t source_row(self, Py_ssize_t row)
    cdef object sample(self, Py_ssize_t row)
    cdef str where(self, Py_ssize_t row, Py_ssize_t column)
    cdef object given(self, Py_ssize_t row, Py_ssize_t column)


cdef const int32_t *counts(name, Tensor lengths, Py_ssize_t rows) except? NULL


cdef inline bint is_index(float value, Py_ssize_t count) noexcept nogil:
    """Whether it is an integer from 0 to count - 1; a NaN is not."""
    return 0 <= value < count and value == <Py_ssize_t> value
