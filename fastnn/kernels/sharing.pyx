"""How Ops divide their work among threads, for the ways that several modules use.

Elementwise: by runs of elements; Rows: by whole rows; ImageRows: by rows of images; Flat: elements of the flat blocks,
once a step; FlatSum: a sum over such, in fixed chunks. For ops by channel see channels.pyx.
"""

from libc.stdlib cimport calloc

from fastnn.engine.op cimport CHUNK_ELEMENTS, ChunkedOp, Op
from fastnn.engine.tensor cimport Tensor, floats


cdef class Elementwise(Op):
    """An op over all elements of equal tensors, divided into runs of whole cache lines."""

    def __cinit__(self) -> None:
        self.pace = 1.5

    cdef tuple bind_equal(self, tuple tensors):
        cdef Tensor tensor, first = tensors[0]
        for tensor in tensors:
            if tensor.rows != first.rows or tensor.columns != first.columns:
                raise ValueError(
                    f"{type(self).__name__}: expected equal shapes, got {', '.join(str(t.shape) for t in tensors)}"
                )
        self.columns = first.columns
        return self.bind(tensors)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t n = self.extent()
        cdef Py_ssize_t lines = (n + 63) // 64
        cdef Py_ssize_t start = lines * index // parts * 64, end = min(n, lines * (index + 1) // parts * 64)
        if start < end:
            self.span(start, end - start)

    cdef Py_ssize_t extent(self) noexcept nogil:
        """How many elements a run has."""
        return self.present_rows() * self.columns

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        """Elements start..start+n-1."""
        pass

    cdef double work(self) noexcept nogil:
        return self.extent()


cdef class Rows(Elementwise):
    """An op on whole rows of equal tensors."""

    def __cinit__(self) -> None:
        self.pace = 0.7

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t start = self.present_rows() * index // parts
        self.rows(start * self.columns, self.present_rows() * (index + 1) // parts - start)

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        """`rows` rows from element `start` on."""
        pass


cdef class ImageRows(Op):
    """An op on images, parallel over the rows of the images that it writes."""

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t rows = self.present_rows() * self.height, first = rows * index // parts
        self.rows(first, rows * (index + 1) // parts - first)

    cdef void rows(self, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
        """`rows` rows from row `first` on, counted over all images that are written."""
        pass


cdef class Flat(Elementwise):
    """An op over equal ranges of flat blocks, float32 (n,), once a step whatever its rows."""

    cdef tuple bind_equal(self, tuple tensors):
        self.n = (<Tensor> tensors[0]).size
        return Elementwise.bind_equal(self, tensors)

    @property
    def capacity(self) -> int:
        """A step may have any number of rows."""
        return 2**62

    cdef Py_ssize_t extent(self) noexcept nogil:
        return self.n

    cdef void run(self) noexcept nogil:
        self.prepare()
        Op.run(self)

    cdef void prepare(self) noexcept nogil:
        """Work that a step does once, before the parallel part."""
        pass


cdef class FlatSum(ChunkedOp):
    """A sum over all elements of a tensor, in fixed chunks, whatever the rows of the run."""

    def __cinit__(self) -> None:
        self.pace = 1.5

    cdef tuple bind(self, tuple tensors):
        cdef Tensor first = tensors[0]
        self.x, self.n, self.chunk = floats(first), first.size, CHUNK_ELEMENTS
        self.partial = <double *> calloc(self.n // self.chunk + 1, sizeof(double))
        if self.partial == NULL:
            raise MemoryError
        return Op.bind(self, tensors)

    @property
    def capacity(self) -> int:
        """A step may have any number of rows."""
        return 2**62

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return (self.n + self.chunk - 1) // self.chunk

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t start = index * self.chunk
        self.partial[index] = self.piece(start, min(self.chunk, self.n - start))

    cdef double piece(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        """The sum over elements start..start+n-1."""
        return 0

    cdef double work(self) noexcept nogil:
        return self.n
