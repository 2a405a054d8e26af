"""Rescaling: an affine map with the same scale and offset for all elements."""

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise


cdef class Rescale(Elementwise):
    """y = scale x + offset; y may be x. On dy, with offset 0, the same op is the gradient."""

    cdef const float *x
    cdef float *y
    cdef float scale, offset

    def __init__(self, Tensor x, Tensor y, *, scale: float, offset: float = 0.0) -> None:
        self.x, self.y, self.scale, self.offset = floats(x), floats(y), scale, offset
        self.bind_equal((x, y))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.rescale(n, self.x + start, self.scale, self.offset, self.y + start)
