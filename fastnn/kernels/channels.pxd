from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor


cdef class ColumnSums(Op):
    cdef double *partial        # for each chunk of rows: n sums, then n products
    cdef Py_ssize_t n           # columns, of which a row of the tensors may have several
    cdef Py_ssize_t groups      # n columns each, in a row of the tensors
    cdef Py_ssize_t chunk       # rows of n columns
    cdef void allocate(self, Tensor x, Py_ssize_t n) except *
    cdef Py_ssize_t rows(self) noexcept nogil
    cdef void sums(self, Py_ssize_t row, Py_ssize_t rows, double *sum, double *product) noexcept nogil
    cdef void conclude(self, const double *sum, const double *product) noexcept nogil


cdef class Channels(Op):
    cdef Py_ssize_t n, groups, block
    cdef void take(self, name, Tensor x, tuple others, tuple channels) except *
    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil


cdef Py_ssize_t groups_of(name, Tensor x, tuple others, tuple channels) except -1
