"""Normalization over the last axis, by mean and variance or by the root mean square, and the gradients.

x, y, dx, dy are (rows, ..., n); moments (rows, 2 for each n): mean and 1 / sqrt(variance + epsilon). All else is (n,).
"""

from fastnn.engine.tensor cimport Tensor, floats

from fastnn.kernels.channels cimport Channels, ColumnSums, groups_of


cdef void check(name, Tensor x, Tensor moments, Py_ssize_t groups) except *:
    if moments.rows != x.rows or moments.columns != 2 * groups:
        raise ValueError(f"{name}: expected moments ({x.rows}, {2 * groups}), got {moments.shape}")


cdef class LayerNorm(Channels):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, and the moments; y may be x. Ba et al. 2016, eq. 4.

    beta None: y = gamma x / sqrt(mean of x^2 + epsilon), and the mean in the moments is 0. Zhang & Sennrich 2019.
    """

    cdef const float *x
    cdef const float *gamma
    cdef const float *beta
    cdef float *moments
    cdef float *y
    cdef float epsilon

    def __init__(
        self, Tensor x, Tensor gamma, Tensor beta or None, Tensor moments, Tensor y, *, epsilon: float
    ) -> None:
        self.x, self.gamma, self.epsilon = floats(x), floats(gamma), epsilon
        self.beta, self.moments, self.y = NULL if beta is None else floats(beta), floats(moments), floats(y)
        self.take("LayerNorm(x, y, gamma, beta)", x, (y,), (gamma,) if beta is None else (gamma, beta))
        check("LayerNorm", x, moments, self.groups)
        self.tensors = (*self.tensors, moments)

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        cdef float *moments = self.moments + start // self.n * 2
        self.table.layer_norm(
            rows, self.n, self.x + start, self.gamma, self.beta, self.epsilon, moments, self.y + start
        )


cdef class LayerNormWeightGradient(ColumnSums):
    """dgamma = the sum of dy (x - mean) / sqrt(variance + epsilon), dbeta = the sum of dy. add: accumulate.

    dbeta None: there is no beta.
    """

    cdef const float *x
    cdef const float *dy
    cdef const float *moments
    cdef float *dgamma
    cdef float *dbeta
    cdef bint add

    def __init__(
        self, Tensor x, Tensor dy, Tensor moments, Tensor dgamma, Tensor dbeta or None, *, add: bool = False
    ) -> None:
        self.x, self.dy, self.moments, self.add = floats(x), floats(dy), floats(moments), add
        self.dgamma, self.dbeta = floats(dgamma), NULL if dbeta is None else floats(dbeta)
        weights = (dgamma,) if dbeta is None else (dgamma, dbeta)
        check(
            "LayerNormWeightGradient",
            x, moments, groups_of("LayerNormWeightGradient(x, dy, dgamma, dbeta)", x, (dy,), weights),
        )
        self.allocate(x, dgamma.size)
        self.bind((x, dy, moments, *weights))

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
            self.dgamma[j] = <float> product[j] + (self.dgamma[j] if self.add else 0)
            if self.dbeta != NULL:
                self.dbeta[j] = <float> sum[j] + (self.dbeta[j] if self.add else 0)


cdef class LayerNormInputGradient(Channels):
    """dx = s (g - mean of g - h mean of g h), g = gamma dy, h = (x - mean) s, s = 1 / sqrt(variance + epsilon).

    dx may be dy. centred: whether the mean is that of x; else it is the constant 0, and the mean of g is left out.
    """

    cdef const float *x
    cdef const float *dy
    cdef const float *moments
    cdef const float *gamma
    cdef float *dx
    cdef bint centred

    def __init__(
        self, Tensor x, Tensor dy, Tensor moments, Tensor gamma, Tensor dx, *, centred: bool = True
    ) -> None:
        self.x, self.dy, self.dx, self.centred = floats(x), floats(dy), floats(dx), centred
        self.moments, self.gamma = floats(moments), floats(gamma)
        self.take("LayerNormInputGradient(x, dy, dx, gamma)", x, (dy, dx), (gamma,))
        check("LayerNormInputGradient", x, moments, self.groups)
        self.tensors = (*self.tensors, moments)

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        cdef const float *moments = self.moments + start // self.n * 2
        self.table.layer_norm_gradient(
            rows, self.n, self.x + start, moments, self.gamma, self.centred, self.dy + start, self.dx + start
        )
