"""Penalties, clipping, max-norm and the moving average of the weights: each once a step, whatever its rows."""

from libc.math cimport INFINITY, sqrt
from libc.string cimport memset

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.meter cimport Meter
from fastnn.kernels.sharing cimport Flat, FlatSum


cdef class Penalties(Meter):
    """The sum of the penalties of a network. loss: the one that they are part of; None with several outputs.

    Its batches weigh what they weigh in the loss, so that the difference of the means is the mean without penalties.
    """

    cdef Meter loss

    def __init__(self, Meter loss or None = None) -> None:
        self.loss, self.tensors = loss, ()

    @property
    def capacity(self) -> int:
        """A step may have any number of rows."""
        return 2**62

    cdef void run(self) noexcept nogil:
        self.record(0, self.state.rows if self.loss is None else self.loss.counted)

    cdef void add(self, double value) noexcept nogil:
        Meter.add(self, value)
        if self.loss is not None:
            self.loss.add(value)


cdef class Penalty(FlatSum):
    """Adds l1 sum |w| + l2 sum w^2 to a loss, and l1 sign(w) + 2 l2 w to the gradient; either may be None.

    It comes after the loss, and after all ops that write the gradient.
    """

    cdef float *gradient
    cdef Meter loss
    cdef double l1, l2

    def __init__(
        self, Tensor weight, Tensor gradient or None, Meter loss or None, *, l1: float = 0.0, l2: float = 0.0
    ) -> None:
        if gradient is not None and gradient.shape != weight.shape:
            raise ValueError(f"Penalty: expected equal shapes, got {weight.shape} and {gradient.shape}")
        self.gradient, self.loss, self.l1, self.l2 = floats(gradient), loss, l1, l2
        self.bind((weight, gradient))

    cdef double piece(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        cdef float *gradient = NULL if self.gradient == NULL else self.gradient + start
        return self.table.penalty(n, self.x + start, self.l1, self.l2, gradient)

    cdef void finish(self) noexcept nogil:
        if self.loss is not None:
            self.loss.add(self.sum_of_chunks())


cdef class SquaredNorm(FlatSum):
    """value = sum x^2, in double, plus that of the SquaredNorm before: a chain of them sums over several ranges."""

    cdef readonly double value
    cdef SquaredNorm before

    def __init__(self, Tensor x, SquaredNorm before or None = None) -> None:
        self.before = before
        self.bind((x,))

    cdef double piece(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        return self.table.penalty(n, self.x + start, 0, 1, NULL)

    cdef void finish(self) noexcept nogil:
        self.value = self.sum_of_chunks()
        if self.before is not None:
            self.value += self.before.value


cdef class Clip(Flat):
    """g = min(max(g, -limit), limit), element by element."""

    cdef float *g
    cdef float limit, factor

    def __init__(self, Tensor gradients, *, limit: float) -> None:
        self.g, self.limit, self.factor = floats(gradients), limit, 1
        self.bind_equal((gradients,))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.clip(n, self.g + start, self.limit, self.factor)


cdef class Zero(Flat):
    """g = 0: gradients that were used, and are added to again."""

    cdef float *g

    def __init__(self, Tensor gradients) -> None:
        self.g = floats(gradients)
        self.bind_equal((gradients,))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        memset(self.g + start, 0, n * sizeof(float))


cdef class ClipNorm(Clip):
    """g = g limit / |g| where the norm, the root of a SquaredNorm over all gradients, is above the limit.

    Pascanu et al. 2013, algorithm 1.
    """

    cdef SquaredNorm norm
    cdef double most

    def __init__(self, Tensor gradients, SquaredNorm norm, *, limit: float) -> None:
        self.norm, self.most = norm, limit
        Clip.__init__(self, gradients, limit=INFINITY)

    cdef void run(self) noexcept nogil:
        cdef double norm = sqrt(self.norm.value)
        if not norm <= self.most:
            self.factor = self.most / norm
            Op.run(self)


cdef class MaxNorm(Flat):
    """Rescales each unit's incoming weights, weight[..., unit], to the norm `limit` where theirs is greater.

    weight: (..., units). Srivastava et al. 2014, section 5.1.
    """

    cdef float *weight
    cdef Py_ssize_t units
    cdef float limit

    def __init__(self, Tensor weight, *, limit: float) -> None:
        *_, self.units = weight.shape
        self.weight, self.limit = floats(weight), limit
        self.bind_equal((weight,))

    cdef Py_ssize_t extent(self) noexcept nogil:
        return self.units

    cdef double work(self) noexcept nogil:
        return self.n

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.max_norm(self.n // self.units, n, self.weight + start, self.units, self.limit)


cdef class Average(Flat):
    """mean = decay mean + (1 - decay) x, with starts mean = x at the first update. Polyak & Juditsky 1992."""

    cdef const float *x
    cdef float *mean
    cdef double decay
    cdef float rest
    cdef bint starts

    def __init__(self, Tensor x, Tensor mean, *, decay: float, starts: bool = True) -> None:
        self.x, self.mean, self.decay, self.starts = floats(x), floats(mean), decay, starts
        self.bind_equal((x, mean))

    cdef void prepare(self) noexcept nogil:
        self.rest = 1 if self.starts and self.state.update == 0 else 1 - self.decay

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.average(n, self.x + start, self.mean + start, self.rest)
