"""Ops by channel, the last axis: sums over all rows of each channel, and elementwise ops with values per channel."""

from libc.stdlib cimport calloc, free

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor


cdef enum:
    CHUNK = 16384   # elements of a chunk of rows that is summed separately
    LEAST_ROWS = 32  # of a chunk: it should have few sums compared to its rows
    BLOCK = 8192    # elements of a block of rows that stays in the L1 cache


cdef Py_ssize_t groups_of(name, Tensor x, tuple others, tuple channels) except -1:
    """How often the n channels occur in a row of x. Raises ValueError unless all shapes fit."""
    cdef Tensor tensor
    cdef Py_ssize_t n = (<Tensor> channels[0]).size
    fits = n > 0 and x.columns % n == 0
    for tensor in others:
        fits = fits and tensor.rows == x.rows and tensor.columns == x.columns
    for tensor in channels:
        fits = fits and tensor.size == n
    if not fits:
        raise ValueError(f"{name}: shapes {', '.join(str(t.shape) for t in (x, *others, *channels))} do not fit")
    return x.columns // n


cdef class ColumnSums(Op):
    """Two sums down the rows for each of n columns, in double: over fixed chunks of rows, which are added in order."""

    def __cinit__(self) -> None:
        self.pace = 2.0

    def __dealloc__(self) -> None:
        free(self.partial)

    cdef void allocate(self, Tensor x, Py_ssize_t n) except *:
        """Allocates the sums of x, which has groups of n columns in a row."""
        self.n, self.groups = n, x.columns // n
        self.chunk = max(<Py_ssize_t> LEAST_ROWS, CHUNK // n)
        free(self.partial)
        self.partial = <double *> calloc(2 * n * (x.rows * self.groups // self.chunk + 1), sizeof(double))
        if self.partial == NULL:
            raise MemoryError

    cdef Py_ssize_t rows(self) noexcept nogil:
        """Rows of n columns in this run."""
        return self.present_rows() * self.groups

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return (self.rows() + self.chunk - 1) // self.chunk

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.chunk
        cdef double *sum = self.partial + 2 * self.n * index
        self.sums(row, min(self.chunk, self.rows() - row), sum, sum + self.n)

    cdef void sums(self, Py_ssize_t row, Py_ssize_t rows, double *sum, double *product) noexcept nogil:
        """The two sums over `rows` rows from `row` on."""
        pass

    cdef void finish(self) noexcept nogil:
        cdef Py_ssize_t i, j
        cdef double *more
        for i in range(1, self.parts(1)):
            more = self.partial + 2 * self.n * i
            for j in range(2 * self.n):
                self.partial[j] += more[j]
        self.conclude(self.partial, self.partial + self.n)

    cdef void conclude(self, const double *sum, const double *product) noexcept nogil:
        """Computes the results from the sums over all rows."""
        pass

    cdef double work(self) noexcept nogil:
        return self.rows() * self.n


cdef class Channels(Op):
    """An op on each element of x by the values of its channel, parallel over blocks of rows."""

    def __cinit__(self) -> None:
        self.pace = 2.0

    cdef void take(self, name, Tensor x, tuple others, tuple channels) except *:
        self.groups = groups_of(name, x, others, channels)
        self.n = x.columns // self.groups
        self.block = max(<Py_ssize_t> 8, BLOCK // self.n)
        self.bind((x, *others, *channels))

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return (self.present_rows() * self.groups + self.block - 1) // self.block

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.block
        self.rows(row * self.n, min(self.block, self.present_rows() * self.groups - row))

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        """`rows` rows of n channels from element `start` on."""
        pass

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.groups * self.n
