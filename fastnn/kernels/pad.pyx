"""Zero padding and cropping of images: each is the gradient of the other."""

from libc.string cimport memcpy, memset

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats

from fastnn.kernels.axis import Axis


cdef class Pad(Op):
    """y[i, j] = x[i - rows.before, j - columns.before], or 0 outside of x; a negative border is cut off.

    x (batch, rows.size * columns.size * channels), y (batch, rows.output * columns.output * channels), channels last.
    """

    cdef const float *x
    cdef float *y
    cdef Py_ssize_t x_height, y_height, above  # rows: of x, of y, and of y above x
    cdef Py_ssize_t x_row, y_row, left, middle, right  # floats: of a row of x or y; zeros, x, zeros in one of y
    cdef Py_ssize_t start  # where in a row of x the middle begins

    def __init__(self, Tensor x, Tensor y, rows: Axis, columns: Axis) -> None:
        pixels = rows.size * columns.size
        fits = pixels > 0 and x.columns > 0 and x.columns % pixels == 0 and x.rows == y.rows
        for axis in (rows, columns):
            fits = fits and axis.kernel == axis.stride == axis.dilation == 1 and axis.output > 0
        if not fits or y.columns != x.columns // pixels * rows.output * columns.output:
            raise ValueError(f"Pad: shapes {x.shape}, {y.shape} do not fit {rows} and {columns}")
        channels = x.columns // pixels
        first = min(max(columns.before, 0), columns.output)
        end = max(min(columns.size + columns.before, columns.output), first)
        self.x_height, self.y_height, self.above = rows.size, rows.output, rows.before
        self.x_row, self.y_row = columns.size * channels, columns.output * channels
        self.left, self.middle, self.right = (n * channels for n in (first, end - first, columns.output - end))
        self.start = (first - columns.before) * channels
        self.x, self.y = floats(x), floats(y)
        self.bind((x, y))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t rows = self.present_rows() * self.y_height, row, from_row
        cdef float *y
        for row in range(rows * index // parts, rows * (index + 1) // parts):
            y = self.y + row * self.y_row
            from_row = row % self.y_height - self.above
            if 0 <= from_row < self.x_height:
                from_row += row // self.y_height * self.x_height
                memset(y, 0, self.left * sizeof(float))
                memcpy(y + self.left, self.x + from_row * self.x_row + self.start, self.middle * sizeof(float))
                memset(y + self.left + self.middle, 0, self.right * sizeof(float))
            else:
                memset(y, 0, self.y_row * sizeof(float))

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.y_height * self.y_row
