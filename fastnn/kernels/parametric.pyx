"""Activations with settings, each a pass of its own."""

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise

#: leak: x where x > 0, else first x; exponential: else first (exp(x) - 1); limit: x between first and second.
PARAMETRIC = ("leak", "exponential", "limit")


def number(function: str) -> int:
    """The function's place in PARAMETRIC. Raises ValueError for an unknown name, listing the known ones."""
    if function not in PARAMETRIC:
        raise ValueError(f"unknown activation {function!r}; known: {', '.join(PARAMETRIC)}")
    return PARAMETRIC.index(function)


cdef class Parametric(Elementwise):
    """y = f(x), elementwise, f one of PARAMETRIC with its settings; y may be x."""

    cdef const float *x
    cdef float *y
    cdef float first, second
    cdef void (*function)(Py_ssize_t n, const float *x, float a, float b, float *y) noexcept nogil

    def __init__(self, Tensor x, Tensor y, *, function: str, first: float, second: float = 0.0) -> None:
        cdef int place = number(function)
        if place == 0:
            self.function = self.table.leak
        elif place == 1:
            self.function = self.table.exponential
        else:
            self.function = self.table.limit
        self.x, self.y, self.first, self.second = floats(x), floats(y), first, second
        self.bind_equal((x, y))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.function(n, self.x + start, self.first, self.second, self.y + start)


cdef class ParametricGradient(Elementwise):
    """dx = dy f'(x), elementwise; dx may be dy."""

    cdef const float *x
    cdef const float *dy
    cdef float *dx
    cdef float first, second
    cdef void (*function)(Py_ssize_t n, const float *x, const float *dy, float a, float b, float *dx) noexcept nogil

    def __init__(self, Tensor x, Tensor dy, Tensor dx, *, function: str, first: float, second: float = 0.0) -> None:
        cdef int place = number(function)
        if place == 0:
            self.function = self.table.leak_gradient
        elif place == 1:
            self.function = self.table.exponential_gradient
        else:
            self.function = self.table.limit_gradient
        self.x, self.dy, self.dx, self.first, self.second = floats(x), floats(dy), floats(dx), first, second
        self.bind_equal((x, dy, dx))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.function(n, self.x + start, self.dy + start, self.first, self.second, self.dx + start)
