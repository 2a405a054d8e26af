"""Maxout: the maximum of several pieces, and its gradient. z, dz (rows, pieces * units), y, dy (rows, units)."""

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats


cdef class Pieces(Op):
    """An op on the pieces of each row, shared out by rows."""

    cdef const float *z
    cdef Py_ssize_t units, pieces

    def __cinit__(self) -> None:
        self.pace = 3.0

    cdef void take(self, name, Tensor z, Tensor dz, tuple units) except *:
        cdef Tensor tensor, y = units[0]
        fits = y.columns > 0 and z.columns % y.columns == 0 and z.columns > 0 and dz.shape == z.shape
        for tensor in units:
            fits = fits and tensor.rows == z.rows and tensor.columns == y.columns
        if not fits:
            raise ValueError(f"{name}: shapes {', '.join(str(t.shape) for t in (z, *units, dz))} do not fit")
        self.z, self.units, self.pieces = floats(z), y.columns, z.columns // y.columns
        self.bind((z, *units) if dz is z else (z, *units, dz))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t start = self.present_rows() * index // parts
        self.rows(start, self.present_rows() * (index + 1) // parts - start)

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        pass

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.pieces * self.units


cdef class Maxout(Pieces):
    """y = the maximum of the pieces of z; piece p of unit u is column p * units + u. Goodfellow et al. 2013, eq. 2."""

    cdef float *y

    def __init__(self, Tensor z, Tensor y) -> None:
        self.y = floats(y)
        self.take("Maxout(z, y)", z, z, (y,))

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        cdef const float *z = self.z + start * self.pieces * self.units
        self.table.maxout(rows, self.units, self.pieces, z, self.y + start * self.units)


cdef class MaxoutGradient(Pieces):
    """dz = dy in the first piece of z that is y, 0 in the others."""

    cdef const float *y
    cdef const float *dy
    cdef float *dz

    def __init__(self, Tensor z, Tensor y, Tensor dy, Tensor dz) -> None:
        self.y, self.dy, self.dz = floats(y), floats(dy), floats(dz)
        self.take("MaxoutGradient(z, y, dy, dz)", z, dz, (y, dy))

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t at = start * self.units
        self.table.maxout_gradient(
            rows, self.units, self.pieces, self.z + at * self.pieces, self.y + at, self.dy + at,
            self.dz + at * self.pieces,
        )
