"""The elementary functions: exp, log and erf."""

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise


cdef class Elementary(Elementwise):
    """y = exp(x), log(x) or erf(x), the functions that losses and activations are made of."""

    cdef const float *x
    cdef float *y
    cdef void (*function)(Py_ssize_t n, const float *x, float *y) noexcept nogil

    def __init__(self, Tensor x, Tensor y, function: str) -> None:
        if function == "exp":
            self.function = self.table.exp
        elif function == "log":
            self.function = self.table.log
        elif function == "erf":
            self.function = self.table.erf
        else:
            raise ValueError(f"Elementary: expected exp, log or erf, got {function!r}")
        self.x, self.y = floats(x), floats(y)
        self.bind_equal((x, y))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.function(n, self.x + start, self.y + start)
