"""Ops that join values: sums, differences, products and concatenation."""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise, Rows

from fastnn.common import checks


cdef class Pair(Elementwise):
    """An op on two tensors, elementwise."""

    cdef const float *a
    cdef const float *b
    cdef float *y

    def __init__(self, Tensor a, Tensor b, Tensor y) -> None:
        self.a, self.b, self.y = floats(a), floats(b), floats(y)
        self.bind_equal((a, b, y))


cdef class Add(Pair):
    """y = a + b, elementwise; y may be a or b."""

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.add(n, self.a + start, self.b + start, self.y + start)


cdef class Subtract(Pair):
    """y = a - b, elementwise; y may be a or b."""

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.subtract(n, self.a + start, self.b + start, self.y + start)


cdef class Multiply(Pair):
    """y = a b, elementwise; y may be a or b."""

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.multiply(n, self.a + start, self.b + start, self.y + start)


cdef class Scale(Elementwise):
    """y = factor x, elementwise; y may be x."""

    cdef const float *x
    cdef float *y
    cdef float factor

    def __init__(self, Tensor x, Tensor y, *, factor: float) -> None:
        self.factor, self.x, self.y = factor, floats(x), floats(y)
        self.bind_equal((x, y))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.scale(n, self.factor, self.x + start, self.y + start)


cdef class Parts(Rows):
    """An op on a whole and its parts, which are side by side in each of the groups of a row."""

    cdef float *whole
    cdef float **parts_of_it
    cdef Py_ssize_t *widths  # of each part, in a group
    cdef Py_ssize_t count, groups

    cdef void take(self, Tensor whole, tuple parts, Py_ssize_t groups) except *:
        cdef Tensor part
        cdef Py_ssize_t i
        name = type(self).__name__
        checks.listed(name, parts, Tensor, "Tensors")
        if groups < 1 or any(part.rows != whole.rows or part.columns % groups for part in parts) or (
            sum(part.columns for part in parts) != whole.columns
        ):
            shapes = ", ".join(str(part.shape) for part in parts)
            raise ValueError(f"{name}: parts {shapes} in {groups} groups do not make {whole.shape}")
        self.parts_of_it = <float **> calloc(len(parts), sizeof(float *))
        self.widths = <Py_ssize_t *> calloc(len(parts), sizeof(Py_ssize_t))
        if self.parts_of_it == NULL or self.widths == NULL:
            raise MemoryError
        for i, part in enumerate(parts):
            self.parts_of_it[i], self.widths[i] = floats(part), part.columns // groups
        self.whole, self.count, self.groups, self.columns = floats(whole), len(parts), groups, whole.columns
        self.bind((whole, *parts))

    def __dealloc__(self) -> None:
        free(self.parts_of_it)
        free(self.widths)

    cdef void copy(self, Py_ssize_t start, Py_ssize_t rows, bint join) noexcept nogil:
        """Joins the parts, or splits the whole, for `rows` rows whose first element is `start`."""
        cdef Py_ssize_t i, width, first = start // self.columns * self.groups, group
        cdef float *side = self.whole + start
        for group in range(first, first + rows * self.groups):
            for i in range(self.count):
                width = self.widths[i]
                if join:
                    memcpy(side, self.parts_of_it[i] + group * width, 4 * width)
                else:
                    memcpy(self.parts_of_it[i] + group * width, side, 4 * width)
                side += width


cdef class Concatenate(Parts):
    """y = the rows of all x side by side, or of each `groups`-th of a row. x (rows, columns of each), y (rows, all)."""

    def __init__(self, Tensor y, *xs: Tensor, groups: int = 1) -> None:
        self.take(y, xs, groups)

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        self.copy(start, rows, True)


cdef class ConcatenateGradient(Parts):
    """dx = each part's columns of dy, which is what `Concatenate` joins. dy (rows, all), dx (rows, columns of each)."""

    def __init__(self, Tensor dy, *dxs: Tensor, groups: int = 1) -> None:
        self.take(dy, dxs, groups)

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        self.copy(start, rows, False)
