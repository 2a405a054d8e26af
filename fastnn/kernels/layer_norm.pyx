"""Layer normalization over the last axis, and its gradients.

x, y, dx, dy are (rows, ..., n); moments (rows, 2 for each n): mean and 1 / sqrt(variance + epsilon). All else is (n,).
"""

from fastnn.engine.tensor cimport Tensor, floats

from fastnn.kernels.channels cimport Channels, ColumnSums, groups_of


cdef void check(name, Tensor x, Tensor moments, Py_ssize_t groups) except *:
    if moments.rows != x.rows or moments.columns != 2 * groups:
        raise ValueError(f"{name}: expected moments ({x.rows}, {2 * groups}), got {moments.shape}")


cdef class LayerNorm(Channels):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, and the moments; y may be x. Ba et al. 2016, eq. 4."""

    cdef const float *x
    cdef const float *gamma
    cdef const float *beta
    cdef float *moments
    cdef float *y
    cdef float epsilon

    def __init__(
        self, Tensor x, Tensor gamma, Tensor beta, Tensor moments, Tensor y, *, epsilon: float
    ) -> None:
        self.x, self.gamma, self.beta, self.epsilon = floats(x), floats(gamma), floats(beta), epsilon
        self.moments, self.y = floats(moments), floats(y)
        self.take("LayerNorm(x, y, gamma, beta)", x, (y,), (gamma, beta))
        check("LayerNorm", x, moments, self.groups)
        self.tensors = (*self.tensors, moments)

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        cdef float *moments = self.moments + start // self.n * 2
        self.table.layer_norm(
            rows, self.n, self.x + start, self.gamma, self.beta, self.epsilon, moments, self.y + start
        )


cdef class LayerNormWeightGradient(ColumnSums):
    """dgamma = the sum of dy (x - mean) / sqrt(variance + epsilon), dbeta = the sum of dy. add: accumulate."""

    cdef const float *x
    cdef const float *dy
    cdef const float *moments
    cdef float *dgamma
    cdef float *dbeta
    cdef bint add

    def __init__(
        self, Tensor x, Tensor dy, Tensor moments, Tensor dgamma, Tensor dbeta, *, add: bool = False
    ) -> None:
        self.x, self.dy, self.moments, self.add = floats(x), floats(dy), floats(moments), add
        self.dgamma, self.dbeta = floats(dgamma), floats(dbeta)
        check(
            "LayerNormWeightGradient",
            x, moments, groups_of("LayerNormWeightGradient(x, dy, dgamma, dbeta)", x, (dy,), (dgamma, dbeta)),
        )
        self.allocate(x, dgamma.size)
        self.bind((x, dy, moments, dgamma, dbeta))

    cdef void run(self) noexcept nogil:
        if not self.state.inputs_only:
            ColumnSums.run(self)

    cdef void sums(self, Py_ssize_t row, Py_ssize_t rows, double *sum, double *product) noexcept nogil:
        cdef Py_ssize_t start = row * self.n
        self.table.layer_norm_sums(
            rows, self.n, self.x + start, self.moments + 2 * row, self.dy + start, sum, product
        )

    cdef void conclude(self, const double *sum, const double *product) noexcept nogil:
        cdef Py_ssize_t j
        for j in range(self.n):
            if not self.add:
                self.dgamma[j] = self.dbeta[j] = 0
            self.dgamma[j] += <float> product[j]
            self.dbeta[j] += <float> sum[j]


cdef class LayerNormInputGradient(Channels):
    """dx = s (g - mean of g - h mean of g h), g = gamma dy, h = (x - mean) s, s = 1 / sqrt(variance + epsilon).

    dx may be dy.
    """

    cdef const float *x
    cdef const float *dy
    cdef const float *moments
    cdef const float *gamma
    cdef float *dx

    def __init__(self, Tensor x, Tensor dy, Tensor moments, Tensor gamma, Tensor dx) -> None:
        self.x, self.dy, self.dx = floats(x), floats(dy), floats(dx)
        self.moments, self.gamma = floats(moments), floats(gamma)
        self.take("LayerNormInputGradient(x, dy, dx, gamma)", x, (dy, dx), (gamma,))
        check("LayerNormInputGradient", x, moments, self.groups)
        self.tensors = (*self.tensors, moments)

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        cdef const float *moments = self.moments + start // self.n * 2
        self.table.layer_norm_gradient(
            rows, self.n, self.x + start, moments, self.gamma, self.dy + start, self.dx + start
        )
