"""Ops over all elements of equal tensors: what they share, and the elementary functions."""

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats


cdef class Elementwise(Op):
    """An op over all elements of equal tensors, shared out in runs of whole cache lines."""

    def __cinit__(self) -> None:
        self.pace = 1.5

    cdef tuple bind_equal(self, tuple tensors):
        cdef Tensor tensor, first = tensors[0]
        for tensor in tensors:
            if tensor.rows != first.rows or tensor.columns != first.columns:
                raise ValueError(
                    f"{type(self).__name__}: expected equal shapes, got {', '.join(str(t.shape) for t in tensors)}"
                )
        self.columns = first.columns
        return self.bind(tensors)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t n = self.extent()
        cdef Py_ssize_t lines = (n + 63) // 64
        cdef Py_ssize_t start = lines * index // parts * 64, end = min(n, lines * (index + 1) // parts * 64)
        if start < end:
            self.span(start, end - start)

    cdef Py_ssize_t extent(self) noexcept nogil:
        """How many elements a run has."""
        return self.present_rows() * self.columns

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        """Elements start..start+n-1."""
        pass

    cdef double work(self) noexcept nogil:
        return self.extent()


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
