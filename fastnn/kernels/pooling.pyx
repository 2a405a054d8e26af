"""Pooling: the maximum or the mean of windows that slide over images, and the gradients.

x, dx (batch, rows.size * columns.size * channels), y, dy (batch, rows.output * columns.output * channels): images and
their windows, channels last. rows, columns: how the windows slide along the two axes; a sequence is one row.
"""

from libc.stdint cimport uint8_t

from fastnn.engine.csrc cimport fastnn_axis, fastnn_pooling
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport ImageRows

from fastnn.kernels.axis import Axis

#: A position in a window is one byte.
MOST_TAPS = 256


cdef fastnn_axis axis_of(axis):
    return fastnn_axis(
        outputs=axis.output, size=axis.size, taps=axis.kernel, stride=axis.stride, dilation=1, before=axis.before
    )


cdef class Pooling(ImageRows):
    """An op on windows and the pixels that they cover."""

    cdef fastnn_pooling map

    def __cinit__(self) -> None:
        self.pace = 4.0

    cdef void take(self, name, Tensor x, tuple windows, rows: Axis, columns: Axis) except *:
        """Keeps the sizes. x: the pixels; windows: tensors of an element a window and channel, or None."""
        cdef Tensor tensor
        cdef Py_ssize_t pixels = rows.size * columns.size
        given = [tensor for tensor in windows if tensor is not None]
        fits = pixels > 0 and x.columns > 0 and x.columns % pixels == 0
        for axis in (rows, columns):  # each window has a tap inside the image
            fits = fits and min(axis.size, axis.kernel, axis.stride, axis.before + 1, axis.after + 1) > 0
            fits = fits and axis.dilation == 1 and axis.output > 0 and max(axis.before, axis.after) < axis.kernel
        for tensor in given:
            fits = fits and tensor.rows == x.rows
            fits = fits and tensor.columns == rows.output * columns.output * (x.columns // pixels)
        if not fits:
            shapes = ", ".join(str(t.shape) for t in (x, *given))
            raise ValueError(f"{name}: shapes {shapes} do not fit {rows} and {columns}")
        self.map.rows, self.map.columns = axis_of(rows), axis_of(columns)
        self.map.channels = x.columns // pixels
        self.bind((x, *windows))

    cdef double work(self) noexcept nogil:
        cdef double windows = self.present_rows() * self.map.rows.outputs * self.map.columns.outputs * self.map.channels
        return windows * min(self.map.rows.taps, self.map.rows.size) * min(self.map.columns.taps, self.map.columns.size)


cdef uint8_t *bytes_of(name, Tensor place, rows: Axis, columns: Axis) except? NULL:
    """The memory of positions in windows. Raises TypeError, ValueError for a tensor that cannot hold them."""
    if place is None:
        return NULL
    if place.dtype != "uint8":
        raise TypeError(f"{name}: expected a uint8 place, got {place!r}")
    if rows.kernel * columns.kernel > MOST_TAPS:
        raise ValueError(f"{name}: places need windows of at most {MOST_TAPS}, not {rows.kernel} x {columns.kernel}")
    return <uint8_t *> place.data


cdef class MaxPool(Pooling):
    """y = the maximum of x in each window, NaN where it contains one.

    place: None, or uint8 like y, for windows of at most 256 taps: which tap it is, counted by rows, then columns; the
    first of equals. Outside the image x is -infinity.
    """

    cdef const float *x
    cdef float *y
    cdef uint8_t *place

    def __init__(self, Tensor x, Tensor y, rows: Axis, columns: Axis, Tensor place or None = None) -> None:
        self.take("MaxPool(x, y, place)", x, (y, place), rows, columns)
        self.x, self.y, self.place = floats(x), floats(y), bytes_of("MaxPool", place, rows, columns)
        self.height = rows.output

    cdef void rows(self, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
        self.table.max_pool(&self.map, first, rows, self.x, self.y, self.place)


cdef class MaxPoolGradient(Pooling):
    """dx = the sum of dy over the windows of which it is the maximum: those with its tap as their place."""

    cdef const uint8_t *place
    cdef const float *dy
    cdef float *dx

    def __init__(self, Tensor place, Tensor dy, Tensor dx, rows: Axis, columns: Axis) -> None:
        self.take("MaxPoolGradient(dx, place, dy)", dx, (place, dy), rows, columns)
        self.place, self.dy, self.dx = bytes_of("MaxPoolGradient", place, rows, columns), floats(dy), floats(dx)
        self.height = rows.size

    cdef void rows(self, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
        self.table.max_pool_gradient(&self.map, first, rows, self.place, self.dy, self.dx)


cdef class AveragePool(Pooling):
    """y = the mean of x in each window, over its pixels inside the image only. mean=False: the sum."""

    cdef const float *x
    cdef float *y
    cdef bint mean

    def __init__(self, Tensor x, Tensor y, rows: Axis, columns: Axis, *, mean: bool = True) -> None:
        self.take("AveragePool(x, y)", x, (y,), rows, columns)
        self.x, self.y, self.mean, self.height = floats(x), floats(y), mean, rows.output

    cdef void rows(self, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
        self.table.average_pool(&self.map, self.mean, first, rows, self.x, self.y)


cdef class AveragePoolGradient(Pooling):
    """dx = the sum of dy over the windows that cover it, each divided by its pixels; mean=False: undivided."""

    cdef const float *dy
    cdef float *dx
    cdef bint mean

    def __init__(self, Tensor dy, Tensor dx, rows: Axis, columns: Axis, *, mean: bool = True) -> None:
        self.take("AveragePoolGradient(dx, dy)", dx, (dy,), rows, columns)
        self.dy, self.dx, self.mean, self.height = floats(dy), floats(dx), mean, rows.size

    cdef void rows(self, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
        self.table.average_pool_gradient(&self.map, self.mean, first, rows, self.dy, self.dx)
