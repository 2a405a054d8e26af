"""One element of each row by number, and its gradient."""

from libc.stdint cimport int32_t
from libc.string cimport memset

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats


cdef class Choose(Op):
    """y_i = x_i[index_i]. x (rows, columns), index int32 (rows, 1), y (rows, 1). An index outside a row is an error."""

    cdef const float *x
    cdef const int32_t *index
    cdef float *y
    cdef Py_ssize_t columns

    def __init__(self, Tensor x, Tensor index, Tensor y) -> None:
        check(self, x, index, y)
        self.x, self.index, self.y, self.columns = floats(x), <const int32_t *> index.data, floats(y), x.columns
        self.bind((x, index, y))

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.present_rows()):
            if not 0 <= self.index[i] < self.columns:
                self.fail(i)
                return
            self.y[i] = self.x[i * self.columns + self.index[i]]

    def explain(self, place: int) -> Exception:
        return ValueError(f"Choose: index {self.index[place]} is not from 0 to {self.columns - 1}")


cdef class ChooseGradient(Op):
    """dx_i[index_i] = dy_i, and zeros elsewhere. dy (rows, 1), index int32 (rows, 1), dx (rows, columns)."""

    cdef const float *dy
    cdef const int32_t *index
    cdef float *dx
    cdef Py_ssize_t columns

    def __init__(self, Tensor dy, Tensor index, Tensor dx) -> None:
        check(self, dx, index, dy)
        self.dy, self.index, self.dx, self.columns = floats(dy), <const int32_t *> index.data, floats(dx), dx.columns
        self.bind((dy, index, dx))

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i, rows = self.present_rows()
        memset(self.dx, 0, 4 * rows * self.columns)
        for i in range(rows):
            self.dx[i * self.columns + self.index[i]] = self.dy[i]


cdef void check(Op op, Tensor wide, Tensor index, Tensor narrow) except *:
    """Raises ValueError where rows, an index for each and one element of each do not fit."""
    if not (wide.rows == index.rows == narrow.rows and index.columns == narrow.columns == 1 and index.dtype == "int32"):
        raise ValueError(
            f"{type(op).__name__}: rows {wide.shape}, indices {index.shape} {index.dtype} and elements {narrow.shape} "
            "do not fit"
        )
