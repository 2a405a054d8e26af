"""Bilinear interpolation to larger images, and its gradient.

x, dx (batch, height * width * channels), y, dy (batch, height * down * width * across * channels), channels last.
"""

from fastnn.engine.csrc cimport fastnn_upsampling
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport ImageRows


cdef class Upsampling(ImageRows):
    """An op on images and their enlargements."""

    cdef fastnn_upsampling map

    cdef void take(self, name, Tensor x, Tensor y, tuple picture, tuple scale) except *:
        height, width = picture
        down, across = scale
        pixels = height * width
        fits = min(height, width, down, across) > 0 and x.columns > 0 and x.columns % pixels == 0
        if not fits or x.rows != y.rows or y.columns != x.columns * down * across:
            raise ValueError(
                f"{name}: shapes {x.shape}, {y.shape} do not fit images {picture} enlarged {scale} times"
            )
        self.map = fastnn_upsampling(
            height=height, width=width, channels=x.columns // pixels, down=down, across=across
        )
        self.bind((x, y))

    cdef double work(self) noexcept nogil:
        cdef double pixels = self.present_rows() * self.map.height * self.map.down * self.map.width * self.map.across
        return 8.0 * pixels * self.map.channels


cdef class Bilinear(Upsampling):
    """y = the mean of the up to four nearest pixels of x, by their distances: from (i + 0.5) / down - 0.5 for row i.

    Beyond the outermost centres, the edge is repeated. picture: (height, width); scale: (down, across).
    """

    cdef const float *x
    cdef float *y

    def __init__(self, Tensor x, Tensor y, picture: tuple[int, int], scale: tuple[int, int]) -> None:
        self.take("Bilinear(x, y)", x, y, picture, scale)
        self.x, self.y, self.height = floats(x), floats(y), self.map.height * self.map.down

    cdef void rows(self, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
        self.table.bilinear(&self.map, first, rows, self.x, self.y)


cdef class BilinearGradient(Upsampling):
    """dx = the sum of dy by the weights that a pixel has in y; see Bilinear."""

    cdef const float *dy
    cdef float *dx

    def __init__(self, Tensor dy, Tensor dx, picture: tuple[int, int], scale: tuple[int, int]) -> None:
        self.take("BilinearGradient(dx, dy)", dx, dy, picture, scale)
        self.dy, self.dx, self.height = floats(dy), floats(dx), self.map.height

    cdef void rows(self, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
        self.table.bilinear_gradient(&self.map, first, rows, self.dy, self.dx)
