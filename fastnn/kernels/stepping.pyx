"""Ops of one step of sequences that continue: which step it is, and what is kept of the steps before it."""

from libc.stdint cimport int32_t
from libc.string cimport memcpy

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.convolution cimport Convolution, Piece

from fastnn.kernels.axis import Axis


cdef int32_t *integers(op, Tensor x, Py_ssize_t rows) except NULL:
    """The memory of int32 (rows, 1). Raises ValueError for another tensor."""
    if x.dtype != "int32" or x.rows != rows or x.columns != 1:
        raise ValueError(f"{type(op).__name__}: expected int32 ({rows}, 1), got {x!r}")
    return <int32_t *> x.data


cdef class Position(Op):
    """present = count + 1, the number of the step from 1; both int32 (rows, 1). A count of `most` is an error."""

    cdef const int32_t *count_of
    cdef int32_t *present
    cdef Py_ssize_t most

    def __init__(self, Tensor count, Tensor present, *, most: int) -> None:
        self.count_of, self.present = integers(self, count, count.rows), integers(self, present, count.rows)
        self.most = most
        self.bind((count, present))

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t row
        for row in range(self.state.rows):
            if self.count_of[row] >= self.most:
                self.fail(row)
                return
            self.present[row] = self.count_of[row] + 1

    def explain(self, place: int) -> Exception:
        return RuntimeError(
            f"step: stream {place} has had {self.most} steps, the most that {self.layer} has room for; reset the stream"
        )

    cdef double work(self) noexcept nogil:
        return self.state.rows


cdef class Advance(Op):
    """count = (count + 1) modulo size; int32 (rows, 1). A profile, which has a learning rate of 0, leaves it."""

    cdef int32_t *count_of
    cdef int32_t size

    def __init__(self, Tensor count, *, size: int) -> None:
        if not 1 <= size <= 2**31 - 1:
            raise ValueError(f"Advance: the size must be an integer from 1 to {2**31 - 1}, got {size}")
        self.count_of, self.size = integers(self, count, count.rows), size
        self.bind((count,))

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t row
        if self.state.rate != NULL:
            return
        for row in range(self.state.rows):
            self.count_of[row] = self.count_of[row] + 1 if self.count_of[row] < self.size - 1 else 0

    cdef double work(self) noexcept nogil:
        return self.state.rows


cdef class Append(Op):
    """Elements `start`.. of each row of x become step present - 1 of its sequence in cache (rows, steps * columns)."""

    cdef const float *x
    cdef float *cache
    cdef const int32_t *present
    cdef Py_ssize_t x_row, cache_row, width, start

    def __init__(self, Tensor x, Tensor present, Tensor cache, *, start: int = 0) -> None:
        self.start, self.width = start, x.columns - start
        if not 0 <= start < x.columns or cache.rows != x.rows or cache.columns % self.width:
            raise ValueError(f"Append: elements from {start} of x {x.shape} are not steps of {cache.shape}")
        self.x, self.cache, self.present = floats(x), floats(cache), integers(self, present, x.rows)
        self.x_row, self.cache_row = x.columns, cache.columns
        self.pace = 1.0
        self.bind((x, present, cache))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row
        for row in range(self.state.rows * index // parts, self.state.rows * (index + 1) // parts):
            memcpy(
                self.cache + row * self.cache_row + (self.present[row] - 1) * self.width,
                self.x + row * self.x_row + self.start,
                self.width * sizeof(float),
            )

    cdef double work(self) noexcept nogil:
        return self.state.rows * self.width


cdef class StepConvolution(Convolution):
    """The last output of a causal Convolution of sequences, from x, their last step (rows, in).

    ring (rows, 2 * reach * in): the last `reach` steps twice, one copy after the other, so that they can be read in
    order from any place; place, int32 (rows, 1): where this step goes. columns: as of the whole sequence. weight, bias,
    groups, activation: as of Convolution; y (rows, out).
    """

    cdef const float *x
    cdef float *ring
    cdef const int32_t *place
    cdef Py_ssize_t reach, width

    def __init__(
        self, Tensor x, Tensor ring, Tensor place, weight: Tensor | Filter, Tensor bias or None, Tensor y,
        columns: Axis, groups: int = 1, activation: str = "identity",
    ) -> None:
        self.reach, self.width = columns.reach, x.columns
        if ring.rows != x.rows or ring.columns != 2 * self.reach * x.columns:
            raise ValueError(f"StepConvolution: {self.reach} steps {x.shape}, twice, are not a ring {ring.shape}")
        self.x, self.ring, self.place = floats(x), floats(ring), integers(self, place, x.rows)
        Convolution.__init__(self, ring, weight, bias, y, *window(columns), groups, activation=activation)
        self.bind((x, place, *self.tensors))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row, i
        cdef Piece piece
        cdef float *newest
        for row in range(self.state.rows * index // parts, self.state.rows * (index + 1) // parts):
            newest = self.ring + (row * 2 * self.reach + self.place[row]) * self.width
            memcpy(newest, self.x + row * self.width, self.width * sizeof(float))
            memcpy(newest + self.reach * self.width, newest, self.width * sizeof(float))
            for i in range(self.count):
                piece = self.pieces[i]
                piece.map.x += (self.place[row] + 1) * self.width
                self.table.convolution(&piece.map, row, 0, 1)


def window(columns: Axis) -> tuple[Axis, Axis]:
    """The axes of the one convolution that a StepConvolution of these columns computes in its ring."""
    size = 2 * columns.reach
    return Axis(1), Axis(size, columns.kernel, stride=size, dilation=columns.dilation)
