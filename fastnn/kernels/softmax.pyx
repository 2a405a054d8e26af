"""Softmax over the columns of each row, and its logarithm."""

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Rows


cdef class Softmax(Rows):
    """y_j = exp(x_j) / sum_k exp(x_k) over each row; y may be x."""

    cdef const float *x
    cdef float *y

    def __init__(self, Tensor x, Tensor y) -> None:
        self.x, self.y = floats(x), floats(y)
        self.bind_equal((x, y))

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        self.table.softmax(rows, self.columns, self.x + start, self.y + start)


cdef class SoftmaxGradient(Rows):
    """dx = y (dy - sum_k y_k dy_k) over each row, from y = softmax(x); dx may be dy."""

    cdef const float *y
    cdef const float *dy
    cdef float *dx

    def __init__(self, Tensor y, Tensor dy, Tensor dx) -> None:
        self.y, self.dy, self.dx = floats(y), floats(dy), floats(dx)
        self.bind_equal((y, dy, dx))

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        self.table.softmax_gradient(rows, self.columns, self.y + start, self.dy + start, self.dx + start)


cdef class LogSoftmax(Softmax):
    """y_j = x_j - log(sum_k exp(x_k)) over each row; y may be x."""

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        self.table.log_softmax(rows, self.columns, self.x + start, self.y + start)


cdef class LogSoftmaxGradient(SoftmaxGradient):
    """dx = dy - exp(y) sum_k dy_k over each row, from y = log_softmax(x); dx may be dy."""

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        self.table.log_softmax_gradient(rows, self.columns, self.y + start, self.dy + start, self.dx + start)
