from fastnn.engine.op cimport ChunkedOp, Op


cdef class Elementwise(Op):
    cdef Py_ssize_t columns
    cdef tuple bind_equal(self, tuple tensors)
    cdef Py_ssize_t extent(self) noexcept nogil
    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil


cdef class Rows(Elementwise):
    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil


cdef class ImageRows(Op):
    cdef Py_ssize_t height  # rows of an image that is written
    cdef void rows(self, Py_ssize_t first, Py_ssize_t rows) noexcept nogil


cdef class Flat(Elementwise):
    cdef Py_ssize_t n
    cdef void prepare(self) noexcept nogil


cdef class FlatSum(ChunkedOp):
    cdef float *x
    cdef Py_ssize_t n
    cdef double piece(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil
