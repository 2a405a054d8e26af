"""Augmentation: random numbers for each image, and the maps by them. x, y (rows, height * width * channels)."""

from libc.math cimport cos, pi, sin

from fastnn.engine cimport csrc
from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise


cdef inline double either_way(float u) noexcept nogil:
    """In [-1, 1)."""
    return 2 * <double> u - 1


cdef class Uniform(Elementwise):
    """y = numbers in [0, 1), by Philox at (seed, stream, the run's step, element), for any number of threads."""

    cdef float *y
    cdef csrc.fastnn_random random

    def __init__(self, Tensor y, *, seed: int, stream: int) -> None:
        self.y, self.random = floats(y), csrc.fastnn_random(seed=seed, step=0, stream=stream)
        self.bind_equal((y,))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        cdef csrc.fastnn_random random = self.random
        random.step = self.state.step
        self.table.uniform(n, start, random, self.y + start)


cdef class Pictures(Op):
    """A linear map of each image by itself, by its numbers u, (rows, draws) in [0, 1); y is not x.

    transposed: y is the transpose of the map times x, which on dy is the gradient.
    """

    cdef const float *x
    cdef const float *u
    cdef float *y
    cdef Py_ssize_t height, width, channels, size, draws
    cdef bint transposed

    cdef void take(self, Tensor x, Tensor u, Tensor y, Py_ssize_t draws, tuple shape, bint transposed) except *:
        self.height, self.width, self.channels = shape
        self.x, self.u, self.y, self.draws, self.transposed = floats(x), floats(u), floats(y), draws, transposed
        self.size = self.height * self.width * self.channels
        if not (x.rows == u.rows == y.rows and x.columns == y.columns == self.size and u.columns == draws):
            raise ValueError(
                f"{type(self).__name__}: expected x and y (rows, {self.size}) and u (rows, {draws}), got "
                f"{x.shape}, {y.shape} and {u.shape}"
            )
        self.bind((x, u, y))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t i, rows = self.present_rows()
        for i in range(rows * index // parts, rows * (index + 1) // parts):
            self.picture(self.x + i * self.size, self.u + i * self.draws, self.y + i * self.size)

    cdef void picture(self, const float *x, const float *u, float *y) noexcept nogil:
        pass

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.size


cdef class FlipShift(Pictures):
    """y = x flipped along an axis where its u < 1/2, or moved along it by floor(u (2 pixels + 1)) - pixels.

    flip: whether, for the rows and for the columns, it is flipped; pixels: the largest shift along the other axes.
    Zeros are shifted in. u (rows, 2): for the rows and for the columns.
    """

    cdef bint flip[2]
    cdef Py_ssize_t pixels[2]

    def __init__(
        self, Tensor x, Tensor u, Tensor y, *, shape: tuple[int, ...], flip: tuple[bool, ...] = (False, False),
        pixels: tuple[int, ...] = (0, 0), transposed: bool = False,
    ) -> None:
        for axis in range(2):
            self.flip[axis], self.pixels[axis] = flip[axis], pixels[axis]
        self.take(x, u, y, 2, shape, transposed)

    cdef Py_ssize_t start(self, int axis, float u, int *step) noexcept nogil:
        """Where the first row or column comes from, and the step to the next one."""
        cdef Py_ssize_t size = self.width if axis else self.height, moved
        cdef bint flipped = self.flip[axis] and u < 0.5
        step[0] = -1 if flipped else 1
        if self.flip[axis]:
            return size - 1 if flipped else 0
        moved = <Py_ssize_t> (<double> u * (2 * self.pixels[axis] + 1)) - self.pixels[axis]
        return moved if self.transposed else -moved

    cdef void picture(self, const float *x, const float *u, float *y) noexcept nogil:
        cdef int row_step, column_step
        cdef Py_ssize_t row = self.start(0, u[0], &row_step), column = self.start(1, u[1], &column_step)
        self.table.flip_shift(
            self.height, self.width, self.channels, x, row, row_step, column, column_step, y
        )


cdef class Rotate(Pictures):
    """y = x rotated about its centre by (2 u - 1) degrees, interpolated bilinearly, zeros outside of x; u (rows, 1)."""

    cdef double degrees

    def __init__(
        self, Tensor x, Tensor u, Tensor y, *, shape: tuple[int, ...], degrees: float, transposed: bool = False
    ) -> None:
        self.pace = 0.25
        self.degrees = degrees
        self.take(x, u, y, 1, shape, transposed)

    cdef void picture(self, const float *x, const float *u, float *y) noexcept nogil:
        cdef double angle = either_way(u[0]) * self.degrees * (pi / 180)
        self.table.rotate(
            self.height, self.width, self.channels, x, cos(angle), sin(angle), self.transposed, y
        )


cdef class Brightness(Pictures):
    """y = x + (2 u - 1) amount; u (rows, 1)."""

    cdef double amount

    def __init__(
        self, Tensor x, Tensor u, Tensor y, *, shape: tuple[int, ...], amount: float, transposed: bool = False
    ) -> None:
        self.amount = amount
        self.take(x, u, y, 1, shape, transposed)

    cdef void picture(self, const float *x, const float *u, float *y) noexcept nogil:
        cdef double more = 0 if self.transposed else either_way(u[0]) * self.amount
        self.table.rescale(self.size, x, 1, <float> more, y)


cdef class Contrast(Pictures):
    """y = m + a (x - m), a = 1 + (2 u - 1) amount, m the mean of the image; symmetric; u (rows, 1)."""

    cdef double amount

    def __init__(
        self, Tensor x, Tensor u, Tensor y, *, shape: tuple[int, ...], amount: float, transposed: bool = False
    ) -> None:
        self.amount = amount
        self.take(x, u, y, 1, shape, transposed)

    cdef void picture(self, const float *x, const float *u, float *y) noexcept nogil:
        cdef double more = either_way(u[0]) * self.amount, mean = self.table.sum(self.size, x) / self.size
        self.table.rescale(self.size, x, <float> (1 + more), <float> (-more * mean), y)


cdef class Cutout(Pictures):
    """y = x, but 0 in a square of `side` pixels about a pixel of x, clipped to x; symmetric.

    u (rows, 2): the pixel's position along the rows and the columns, of `height` and `width`.
    """

    cdef Py_ssize_t side

    def __init__(
        self, Tensor x, Tensor u, Tensor y, *, shape: tuple[int, ...], side: int, transposed: bool = False
    ) -> None:
        self.side = side
        self.take(x, u, y, 2, shape, transposed)

    cdef void picture(self, const float *x, const float *u, float *y) noexcept nogil:
        cdef Py_ssize_t top = <Py_ssize_t> (<double> u[0] * self.height) - self.side // 2
        cdef Py_ssize_t left = <Py_ssize_t> (<double> u[1] * self.width) - self.side // 2
        self.table.cutout(
            self.height, self.width, self.channels, x, max(top, 0), min(top + self.side, self.height),
            max(left, 0), min(left + self.side, self.width), y,
        )
