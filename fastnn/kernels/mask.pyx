"""Logits of which a mask leaves the legal ones, and the gradient."""

from libc.float cimport FLT_MAX

from fastnn.engine.op cimport ChunkedOp
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise


cdef class Mask(ChunkedOp):
    """y = x where legal is not 0, and the lowest float elsewhere. x, legal, y (rows, columns).

    A row without a legal element is an error, which names the sample.
    """

    cdef const float *x
    cdef const float *legal
    cdef float *y
    cdef Py_ssize_t columns

    def __init__(self, Tensor x, Tensor legal, Tensor y) -> None:
        if not (x.rows == legal.rows == y.rows and x.columns == legal.columns == y.columns):
            raise ValueError(f"Mask: expected equal shapes, got {x.shape}, {legal.shape}, {y.shape}")
        self.pace = 1.0
        self.x, self.legal, self.y, self.columns = floats(x), floats(legal), floats(y), x.columns
        self.bind((x, legal, y))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.chunk, rows = min(self.chunk, self.present_rows() - row), i
        cdef Py_ssize_t start = row * self.columns
        self.partial[index] = -1
        for i in range(row, row + rows):
            if not self.any_legal(i):
                self.partial[index] = i
                return
        self.table.mask(rows * self.columns, self.x + start, self.legal + start, -FLT_MAX, self.y + start)

    cdef bint any_legal(self, Py_ssize_t row) noexcept nogil:
        cdef Py_ssize_t j
        for j in range(row * self.columns, (row + 1) * self.columns):
            if self.legal[j] != 0:
                return True
        return False

    cdef void finish(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.parts(1)):
            if self.partial[i] >= 0:
                self.fail(<Py_ssize_t> self.partial[i])
                return

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.columns

    def explain(self, place: int) -> Exception:
        row, position = divmod(place, self.positions)
        row += self.state.first
        sample = row if self.state.order == NULL else self.state.order[row]
        where = f" at position {position}" if self.positions > 1 else ""
        return ValueError(f"{self.layer or 'Mask'}: sample {sample} has no legal element{where}; the mask is 0 for all")


cdef class MaskGradient(Elementwise):
    """dx = dy where legal is not 0, and 0 elsewhere; dx may be dy."""

    cdef const float *dy
    cdef const float *legal
    cdef float *dx

    def __init__(self, Tensor dy, Tensor legal, Tensor dx) -> None:
        self.dy, self.legal, self.dx = floats(dy), floats(legal), floats(dx)
        self.bind_equal((dy, legal, dx))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.mask(n, self.dy + start, self.legal + start, 0, self.dx + start)
