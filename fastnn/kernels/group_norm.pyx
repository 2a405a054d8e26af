"""Group normalization of the channels, the last axis, of each sample, and its gradients.

x, y, dx, dy are (rows, ..., n), all positions of a sample in a row; moments (rows, 2 n): each channel's mean, then its
variance, which the channels of a group share. All else is (n,).
"""

from libc.math cimport sqrt
from libc.stdlib cimport calloc, free

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.channels cimport groups_of


cdef class OfGroups(Op):
    """What both share: parallel over samples, with sums of each channel in double."""

    cdef const float *x
    cdef const float *gamma
    cdef float *moments
    cdef double *sums  # for each sample, n sums and n products
    cdef Py_ssize_t n, positions, columns, groups
    cdef double epsilon

    def __dealloc__(self) -> None:
        free(self.sums)

    cdef void take(
        self, Tensor x, tuple others, tuple channels, Tensor moments, Py_ssize_t groups, double epsilon
    ) except *:
        cdef Tensor gamma = channels[0]
        name = type(self).__name__
        self.positions, self.n, self.columns = groups_of(name, x, others, channels), gamma.size, x.columns
        if groups < 1 or self.n % groups:
            raise ValueError(f"{name}: {groups} groups do not divide {self.n} channels")
        if moments.rows != x.rows or moments.columns != 2 * self.n:
            raise ValueError(f"{name}: expected moments ({x.rows}, {2 * self.n}), got {moments.shape}")
        self.groups, self.epsilon, self.pace = groups, epsilon, 2.0
        self.x, self.gamma, self.moments = floats(x), floats(gamma), floats(moments)
        self.sums = <double *> calloc(2 * self.n * x.rows, sizeof(double))
        if self.sums == NULL:
            raise MemoryError
        self.bind((x, *others, *channels, moments))

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return self.present_rows()

    cdef double work(self) noexcept nogil:
        return 2 * self.present_rows() * self.columns


cdef class GroupNorm(OfGroups):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, each over a group of channels. Wu & He 2018, eq. 1."""

    cdef const float *beta
    cdef float *y

    def __init__(
        self, Tensor x, Tensor gamma, Tensor beta, Tensor moments, Tensor y, *, groups: int, epsilon: float
    ) -> None:
        self.beta, self.y = floats(beta), floats(y)
        self.take(x, (y,), (gamma, beta), moments, groups, epsilon)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef const float *x = self.x + index * self.columns
        cdef float *mean = self.moments + 2 * self.n * index
        cdef double *sum = self.sums + 2 * self.n * index
        cdef double *square = sum + self.n
        cdef Py_ssize_t size = self.n // self.groups, group, j
        cdef double count = <double> self.positions * size, centre, variance, offset
        # Centred on the first position: subtracting one of the values preserves the digits of the variance.
        self.table.centred_sums(self.positions, self.n, x, x, NULL, sum, square)
        for group in range(self.groups):
            centre = variance = 0
            for j in range(group * size, (group + 1) * size):
                centre += (self.positions * <double> x[j] + sum[j]) / count
            for j in range(group * size, (group + 1) * size):
                offset = x[j] - centre
                variance += (square[j] + 2 * offset * sum[j] + self.positions * offset * offset) / count
            for j in range(group * size, (group + 1) * size):
                mean[j], mean[self.n + j] = <float> centre, <float> (0.0 if variance < 0 else variance)
        self.table.batch_norm(
            self.positions, self.n, x, mean, mean + self.n, self.gamma, self.beta, <float> self.epsilon,
            self.y + index * self.columns,
        )


cdef class GroupNormGradient(OfGroups):
    """dx = (g - mean of g - h mean of g h) / s, g = gamma dy, h = (x - mean) / s, s = sqrt(variance + epsilon).

    dgamma = the sum of dy h, dbeta = the sum of dy. dx may be dy, or None; dgamma and dbeta None: of frozen weights.
    add: adds to dgamma and dbeta.
    """

    cdef const float *dy
    cdef float *dx
    cdef float *dgamma
    cdef float *dbeta
    cdef float *factors  # for each sample: scale, slope and shift of each channel
    cdef bint add

    def __init__(
        self, Tensor x, Tensor dy, Tensor moments, Tensor gamma, Tensor dx or None, Tensor dgamma or None,
        Tensor dbeta or None, *, groups: int, epsilon: float, add: bool = False,
    ) -> None:
        if (dgamma is None) is not (dbeta is None):
            raise ValueError("GroupNormGradient: dgamma and dbeta are given together")
        self.dy, self.dx = floats(dy), NULL if dx is None else floats(dx)
        self.dgamma = NULL if dgamma is None else floats(dgamma)
        self.dbeta = NULL if dbeta is None else floats(dbeta)
        self.add = add
        channels = (gamma,) if dgamma is None else (gamma, dgamma, dbeta)
        self.take(x, (dy,) if dx is None else (dy, dx), channels, moments, groups, epsilon)
        self.factors = <float *> calloc(3 * self.n * x.rows, sizeof(float))
        if self.factors == NULL:
            raise MemoryError

    def __dealloc__(self) -> None:
        free(self.factors)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t start = index * self.columns, size = self.n // self.groups, group, j
        cdef const float *mean = self.moments + 2 * self.n * index
        cdef double *sum = self.sums + 2 * self.n * index
        cdef double *product = sum + self.n
        cdef float *scale = self.factors + 3 * self.n * index
        cdef float *slope = scale + self.n
        cdef float *shift = slope + self.n
        cdef double count = <double> self.positions * size, a, b, inverse
        self.table.centred_sums(self.positions, self.n, self.x + start, mean, self.dy + start, sum, product)
        for group in range(self.groups):
            a = b = 0
            inverse = 1 / sqrt(mean[self.n + group * size] + self.epsilon)
            for j in range(group * size, (group + 1) * size):
                product[j] *= inverse
                a += self.gamma[j] * sum[j] / count
                b += self.gamma[j] * product[j] / count
            for j in range(group * size, (group + 1) * size):
                scale[j] = <float> (self.gamma[j] * inverse)
                slope[j], shift[j] = <float> (b * inverse * inverse), <float> (a * inverse)
        if self.dx != NULL:
            self.table.group_norm_gradient(
                self.positions, self.n, self.x + start, mean, self.dy + start, scale, slope, shift, self.dx + start
            )

    cdef void finish(self) noexcept nogil:
        cdef Py_ssize_t row, j
        cdef double weight, bias
        if self.dgamma == NULL or self.state.inputs_only:
            return
        for j in range(self.n):
            weight = bias = 0
            for row in range(self.present_rows()):
                bias += self.sums[2 * self.n * row + j]
                weight += self.sums[2 * self.n * row + self.n + j]
            self.dgamma[j] = <float> weight + (self.dgamma[j] if self.add else 0)
            self.dbeta[j] = <float> bias + (self.dbeta[j] if self.add else 0)
