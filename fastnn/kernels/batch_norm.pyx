"""Batch normalization: the statistics of a batch, the normalization by them or by running ones, and the gradients.

x, y, dx and dy are (rows, ...) with n channels last: a row holds one or more groups of n channels, and the statistics
of a channel are over the rows and groups of a run. All else is float32 (n,).
"""

from libc.math cimport isfinite, sqrt

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.channels cimport Channels, ColumnSums, groups_of

from fastnn.kernels.activation import DERIVED_FROM_INPUT as _DERIVED_FROM_INPUT, number
from fastnn.kernels.meter import DivergenceError


cdef class BatchNormMoments(ColumnSums):
    """mean = the mean of x over a channel, variance = the mean of (x - mean)^2, which is the biased variance.

    Where one of them is not a finite float32, the step has no effect: running statistics would never recover from it.
    """

    cdef const float *x
    cdef float *mean
    cdef float *variance

    def __init__(self, Tensor x, Tensor mean, Tensor variance) -> None:
        groups_of("BatchNormMoments(x, mean, variance)", x, (), (mean, variance))
        self.x, self.mean, self.variance = floats(x), floats(mean), floats(variance)
        self.allocate(x, mean.size)
        self.bind((x, mean, variance))

    cdef void sums(self, Py_ssize_t row, Py_ssize_t rows, double *sum, double *product) noexcept nogil:
        # Centred on the first row: subtracting one of the values preserves the digits of the variance.
        self.table.centred_sums(rows, self.n, self.x + row * self.n, self.x, NULL, sum, product)

    cdef void conclude(self, const double *sum, const double *product) noexcept nogil:
        cdef double share = 1.0 / self.rows(), offset, variance
        cdef Py_ssize_t j
        for j in range(self.n):
            offset = sum[j] * share
            variance = product[j] * share - offset * offset
            self.mean[j] = <float> (self.x[j] + offset)
            self.variance[j] = <float> (0.0 if variance < 0 else variance)
            if not (isfinite(self.mean[j]) and isfinite(self.variance[j])):
                self.fail(j)
                return

    def explain(self, place: int) -> Exception:
        cdef Py_ssize_t j = place
        return DivergenceError(
            f"{self.layer or type(self).__name__}: the statistics of a batch overflow: channel {place} has the mean "
            f"{self.mean[j]:g} and the variance {self.variance[j]:g} as float32; replace such values in the data, or "
            "try a smaller learning rate"
        )


cdef class BatchNorm(Channels):
    """y = f(gamma (x - mean) / sqrt(variance + epsilon) + beta); y may be x. Ioffe & Szegedy 2015, algorithm 1.

    z: None, or like y: receives the input of f, for a derivative that is computed from it.
    """

    cdef const float *x
    cdef float *y
    cdef float *z  # y if z is None
    cdef const float *mean
    cdef const float *variance
    cdef const float *gamma
    cdef const float *beta
    cdef float epsilon
    cdef int activation

    def __init__(
        self,
        Tensor x,
        Tensor mean,
        Tensor variance,
        Tensor gamma,
        Tensor beta,
        Tensor y,
        *,
        epsilon: float,
        activation: str = "identity",
        Tensor z = None,
    ) -> None:
        if z is not None and activation not in _DERIVED_FROM_INPUT:
            raise ValueError(f"BatchNorm: the derivative of {activation} is computed from y; leave out z")
        self.x, self.y, self.mean, self.variance = floats(x), floats(y), floats(mean), floats(variance)
        self.gamma, self.beta, self.epsilon, self.activation = floats(gamma), floats(beta), epsilon, number(activation)
        self.z = self.y if z is None else floats(z)
        others = (y,) if z is None else (y, z)
        self.take("BatchNorm(x, y, mean, variance, gamma, beta)", x, others, (mean, variance, gamma, beta))

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        cdef float *z = self.z + start
        cdef Py_ssize_t count = rows * self.n
        self.table.batch_norm(
            rows, self.n, self.x + start, self.mean, self.variance, self.gamma, self.beta, self.epsilon, z
        )
        if self.activation:
            self.table.activation[self.activation](1, count, z, self.y + start, count)


cdef class BatchNormWeightGradient(ColumnSums):
    """dgamma = the sum of dy (x - mean) / sqrt(variance + epsilon), dbeta = the sum of dy, over a channel.

    shift, slope: the means of dy and of dy (x - mean), for the gradient of the input. add: adds to dgamma and dbeta.
    """

    cdef const float *x
    cdef const float *dy
    cdef const float *mean
    cdef const float *variance
    cdef float *shift
    cdef float *slope
    cdef float *dgamma
    cdef float *dbeta
    cdef double epsilon
    cdef bint add

    def __init__(
        self,
        Tensor x,
        Tensor dy,
        Tensor mean,
        Tensor variance,
        Tensor shift,
        Tensor slope,
        Tensor dgamma,
        Tensor dbeta,
        *,
        epsilon: float,
        add: bool = False,
    ) -> None:
        channels = mean, variance, shift, slope, dgamma, dbeta
        names = "x, dy, mean, variance, shift, slope, dgamma, dbeta"
        groups_of(f"BatchNormWeightGradient({names})", x, (dy,), channels)
        self.x, self.dy, self.mean, self.variance = floats(x), floats(dy), floats(mean), floats(variance)
        self.shift, self.slope, self.dgamma, self.dbeta = floats(shift), floats(slope), floats(dgamma), floats(dbeta)
        self.epsilon, self.add = epsilon, add
        self.allocate(x, mean.size)
        self.bind((x, dy, *channels))

    cdef void sums(self, Py_ssize_t row, Py_ssize_t rows, double *sum, double *product) noexcept nogil:
        cdef Py_ssize_t start = row * self.n
        self.table.centred_sums(rows, self.n, self.x + start, self.mean, self.dy + start, sum, product)

    cdef void conclude(self, const double *sum, const double *product) noexcept nogil:
        cdef double share = 1.0 / self.rows()
        cdef Py_ssize_t j
        for j in range(self.n):
            self.shift[j] = <float> (sum[j] * share)
            self.slope[j] = <float> (product[j] * share)
        if self.state.inputs_only:
            return
        for j in range(self.n):
            if not self.add:
                self.dgamma[j] = self.dbeta[j] = 0
            self.dgamma[j] += <float> (product[j] / sqrt(self.variance[j] + self.epsilon))
            self.dbeta[j] += <float> sum[j]


cdef class BatchNormInputGradient(Channels):
    """dx = gamma / sqrt(v) (dy - shift - (x - mean) slope / v), v = variance + epsilon; dx may be dy.

    shift, slope: see BatchNormWeightGradient. Ioffe & Szegedy 2015, section 3.
    """

    cdef const float *x
    cdef const float *dy
    cdef float *dx
    cdef const float *mean
    cdef const float *variance
    cdef const float *shift
    cdef const float *slope
    cdef const float *gamma
    cdef float epsilon

    def __init__(
        self,
        Tensor x,
        Tensor dy,
        Tensor mean,
        Tensor variance,
        Tensor shift,
        Tensor slope,
        Tensor gamma,
        Tensor dx,
        *,
        epsilon: float,
    ) -> None:
        self.x, self.dy, self.dx, self.epsilon = floats(x), floats(dy), floats(dx), epsilon
        self.mean, self.variance, self.gamma = floats(mean), floats(variance), floats(gamma)
        self.shift, self.slope = floats(shift), floats(slope)
        names = "x, dy, dx, mean, variance, shift, slope, gamma"
        self.take(f"BatchNormInputGradient({names})", x, (dy, dx), (mean, variance, shift, slope, gamma))

    cdef void rows(self, Py_ssize_t start, Py_ssize_t rows) noexcept nogil:
        self.table.batch_norm_gradient(
            rows, self.n, self.x + start, self.mean, self.variance, self.gamma, self.epsilon, self.shift, self.slope,
            self.dy + start, self.dx + start,
        )


cdef inline float blend(double old, float running, double new, float batch) noexcept nogil:
    """Their weighted sum; an infinite running one that has the weight 0 is left out."""
    return batch if old == 0 else <float> (old * running + new * batch)


cdef class BatchNormRunning(Op):
    """running = momentum running + (1 - momentum) of the batch, for mean and variance.

    A run of one row with one group has no variance: then nothing changes. seen (1,): how many values the running ones
    are the mean of. Instead of following by momentum they stay the mean over all runs, each weighted by its values.
    """

    cdef const float *mean
    cdef const float *variance
    cdef float *running_mean
    cdef float *running_variance
    cdef float *seen  # NULL if it is None
    cdef Py_ssize_t n, groups
    cdef double momentum

    def __init__(
        self,
        Tensor mean,
        Tensor variance,
        Tensor running_mean,
        Tensor running_variance,
        *,
        momentum: float,
        groups: int = 1,
        Tensor seen = None,
    ) -> None:
        cdef Tensor tensor
        tensors = mean, variance, running_mean, running_variance
        for tensor in tensors:
            if tensor.size != mean.size:
                shapes = ", ".join(str(t.shape) for t in tensors)
                raise ValueError(f"BatchNormRunning: expected equal shapes, got {shapes}")
        if seen is not None and seen.size != 1:
            raise ValueError(f"BatchNormRunning: expected seen (1,), got {seen.shape}")
        self.mean, self.variance = floats(mean), floats(variance)
        self.running_mean, self.running_variance = floats(running_mean), floats(running_variance)
        self.seen = NULL if seen is None else floats(seen)
        self.n, self.momentum, self.groups = mean.size, momentum, groups
        self.bind(tensors if seen is None else (*tensors, seen))

    @property
    def capacity(self) -> int:
        """A step may have any number of rows."""
        return 2**62

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t values = self.present_rows() * self.groups, j
        cdef double old = self.momentum, new
        if self.state.inputs_only or values == 1:
            return
        if self.seen is not NULL:
            old = self.seen[0] / (self.seen[0] + <double> values)
            self.seen[0] += <float> values
        new = 1.0 - old
        for j in range(self.n):
            self.running_mean[j] = blend(old, self.running_mean[j], new, self.mean[j])
            self.running_variance[j] = blend(old, self.running_variance[j], new, self.variance[j])
