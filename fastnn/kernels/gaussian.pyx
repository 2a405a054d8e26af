"""The negative log-likelihood of a target under a normal distribution whose mean and variance are outputs."""

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.loss cimport Loss

cdef double LOG_2_PI = 1.8378770664093453


cdef class Gaussian(Loss):
    """((t - m)^2 e^-v + v + log(2 pi)) / 2, the mean over the elements of t, for x = (means m, log variances v).

    x, dx: float32 (rows, 2 k); target: float32 (rows, k).
    """

    def __init__(
        self, Tensor x, Tensor target, Tensor dx, Tensor weight or None = None, *, finite: bool = False
    ) -> None:
        if target.rows != x.rows or 2 * target.columns != x.columns:
            self.refuse(x, target, dx)
        self.target = floats(target)
        self.take(x, target, dx, weight, finite)

    cdef double terms(self) noexcept nogil:
        return self.columns / 2

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil:
        cdef Py_ssize_t i
        cdef double loss = 0
        for i in range(rows):
            loss += self.of_row(row + i, 1.0 if weight == NULL else weight[i])
        return loss

    cdef double of_row(self, Py_ssize_t row, double weight) noexcept nogil:
        """The weighted loss of a row; its gradient."""
        cdef Py_ssize_t j, k = self.columns // 2
        cdef const float *mean = self.x + row * self.columns
        cdef const float *target = self.target + row * k
        cdef float *dx = self.dx + row * self.columns
        cdef double loss = 0, distance, precision, factor = weight * self.scale
        for j in range(k):
            dx[k + j] = -mean[k + j]
        self.table.exp(k, dx + k, dx + k)
        for j in range(k):
            precision, distance = dx[k + j], mean[j] - <double> target[j]
            loss += (distance * distance * precision + mean[k + j] + LOG_2_PI) / 2
            dx[j] = 0 if weight == 0 else <float> (factor * distance * precision)
            dx[k + j] = 0 if weight == 0 else <float> (factor * (1 - distance * distance * precision) / 2)
        return 0 if weight == 0 else weight * loss
