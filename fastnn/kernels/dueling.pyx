"""Values of actions, made of the value of a state and the actions' advantages, and the gradient."""

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Rows


cdef class Advantages(Rows):
    """z (rows, 1 + actions): a value and advantages; y (rows, actions)."""

    cdef float *z
    cdef float *y

    def __init__(self, Tensor z, Tensor y) -> None:
        if z.rows != y.rows or z.columns != y.columns + 1:
            raise ValueError(f"{type(self).__name__}: value and advantages {z.shape} do not fit actions {y.shape}")
        self.z, self.y, self.columns = floats(z), floats(y), y.columns
        self.bind((z, y))

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t i, first = start // self.columns
        for i in range(first, first + rows):
            self.row(self.z + i * (self.columns + 1), self.y + i * self.columns)

    cdef void row(self, float *z, float *y) noexcept nogil:
        pass


cdef class Dueling(Advantages):
    """y_j = z_0 + z_j - the mean of z_1, z_2, ...: Wang et al. 2016, eq. 9."""

    cdef void row(self, float *z, float *y) noexcept nogil:
        cdef Py_ssize_t j
        cdef double total = 0
        for j in range(self.columns):
            total += z[1 + j]
        cdef double offset = z[0] - total / self.columns
        for j in range(self.columns):
            y[j] = <float> (z[1 + j] + offset)


cdef class DuelingGradient(Advantages):
    """dz_0 = the sum of dy, dz_j = dy_j - its mean."""

    def __init__(self, Tensor dy, Tensor dz) -> None:
        Advantages.__init__(self, dz, dy)

    cdef void row(self, float *z, float *y) noexcept nogil:
        cdef Py_ssize_t j
        cdef double total = 0
        for j in range(self.columns):
            total += y[j]
        z[0] = <float> total
        for j in range(self.columns):
            z[1 + j] = <float> (y[j] - total / self.columns)
