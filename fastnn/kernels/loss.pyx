"""Losses: the mean over a batch, in double, and the gradient with respect to the network's output in the same pass."""

from libc.math cimport frexp, isfinite, ldexp

from fastnn.engine cimport csrc
from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.meter cimport Meter

from fastnn.kernels.meter import DivergenceError

#: The losses that are sums over elements, in the order of csrc/kernels.h.
ELEMENTWISE_LOSSES = ("mse", "mae", "huber", "binary_cross_entropy", "hinge", "poisson", "focal")

if len(ELEMENTWISE_LOSSES) != csrc.fastnn_losses:
    raise ImportError("the losses of csrc/kernels.h and of loss.pyx are not the same")

cdef double LEAST_MASS = 1.1754943508222875e-38  # of weights: below it 1 / mass is not a float32


cdef double unit_of(double mass) noexcept nogil:
    """A power of two that scales weights of this sum to a sum in [1/2, 1], as far as it is a normal float32."""
    cdef int exponent = 0
    frexp(mass, &exponent)
    return ldexp(1.0, min(max(-exponent, -126), 127))


cdef class Loss(Meter):
    """A loss of x (rows, columns) against a target, and dx, its gradient, or None.

    With finite, a loss that is not a finite number is an error, and the step then has no effect. Weights matter in
    proportion alone, whatever float32 holds of their products: they are multiplied by a power of two first.
    """

    def __cinit__(self) -> None:
        self.pace = 0.5
        self.unit = 1

    def __init__(
        self, Tensor x, Tensor target, Tensor dx or None, Tensor weight or None = None, *, finite: bool = False
    ) -> None:
        if not (target.rows == x.rows and target.columns == x.columns):
            self.refuse(x, target, dx)
        self.target = floats(target)
        self.take(x, target, dx, weight, finite)

    def refuse(self, *tensors: Tensor | None) -> NoReturn:
        shapes = ", ".join("none" if tensor is None else f"{tensor.shape} {tensor.dtype}" for tensor in tensors)
        raise ValueError(f"{type(self).__name__}(x, target, dx): shapes {shapes} do not fit")

    def take(self, Tensor x, Tensor target or None, Tensor dx or None, Tensor weight or None, finite: bool) -> None:
        if dx is not None and not (dx.rows == x.rows and dx.columns == x.columns):
            self.refuse(x, target, dx)
        self.x, self.dx, self.columns, self.finite = floats(x), floats(dx), x.columns, finite
        self.bind((x, target, dx, weight))
        self.take_weight(weight)
        if weight is not None:
            self.make_weights(x.rows)

    cdef void make_weights(self, Py_ssize_t rows) except *:
        self.weighed = Tensor((rows, 1))
        self.weights = floats(self.weighed)

    cdef void run(self) noexcept nogil:
        self.divide()
        Op.run(self)

    cdef void divide(self) noexcept nogil:
        """Decides what the sum over the present rows is divided by."""
        cdef double mass = self.mass()
        self.counted = mass
        if self.weights != NULL:
            self.unit = unit_of(mass)
            mass *= self.unit
        self.scale = 1.0 / (mass * self.terms()) if mass >= LEAST_MASS else 0

    cdef double terms(self) noexcept nogil:
        """How many terms the sum has for each row."""
        return self.columns

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.chunk, rows = min(self.chunk, self.present_rows() - row)
        self.partial[index] = self.piece(row, rows, self.weigh(row, rows))

    cdef const float *weigh(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        """The weights of `rows` rows, times `unit`; NULL for 1."""
        if self.weight == NULL:
            return NULL
        self.table.scale(rows, <float> self.unit, self.weight + row, self.weights + row)
        return self.weights + row

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil:
        """The sum of the losses of `rows` rows by these weights, and their gradient."""
        return 0

    cdef void finish(self) noexcept nogil:
        cdef double mean = self.sum_of_chunks() * self.scale
        if self.finite and not isfinite(mean):
            self.last = mean
            self.fail(0)
        else:
            self.record(mean, self.counted)

    def explain(self, place: int) -> Exception:
        return DivergenceError(f"the loss became {self.last}; a smaller learning rate may help")


cdef class ElementwiseLoss(Loss):
    """One of ELEMENTWISE_LOSSES, the mean over all elements; csrc/loss.h has the formulas.

    x, target, dx: float32 (rows, columns); dx may be None. setting: delta of huber, gamma of focal.
    """

    def __init__(
        self,
        Tensor x,
        Tensor target,
        Tensor dx or None,
        Tensor weight or None = None,
        *,
        loss: str,
        setting: float = 0.0,
        finite: bool = False,
    ) -> None:
        if loss not in ELEMENTWISE_LOSSES:
            raise ValueError(f"unknown loss {loss!r}; known: {', '.join(ELEMENTWISE_LOSSES)}")
        self.loss, self.setting = ELEMENTWISE_LOSSES.index(loss), setting
        Loss.__init__(self, x, target, dx, weight, finite=finite)

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil:
        cdef Py_ssize_t start = row * self.columns
        return self.table.loss[self.loss](
            rows,
            self.columns,
            self.x + start,
            self.target + start,
            weight,
            self.setting,
            <float> self.scale,
            <float *> after(self.dx, start),
        )


cdef class Cosine(Loss):
    """1 - x.t / (|x| |t|), the mean over rows; rows of zeros have loss 1 and no gradient.

    x, target, dx: float32 (rows, columns).
    """

    def __init__(
        self, Tensor x, Tensor target, Tensor dx, Tensor weight or None = None, *, finite: bool = False
    ) -> None:
        Loss.__init__(self, x, target, dx, weight, finite=finite)

    cdef double terms(self) noexcept nogil:
        return 1

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil:
        cdef Py_ssize_t start = row * self.columns
        return self.table.cosine(
            rows,
            self.columns,
            self.x + start,
            self.target + start,
            weight,
            <float> self.scale,
            self.dx + start,
        )


cdef class Dice(Loss):
    """1 - (2 p.t + smooth) / (|p| + |t| + smooth), p = sigmoid(x) and |.| the sum of elements, the mean over rows.

    x, target, dx: float32 (rows, columns); smooth > 0.
    """

    cdef float smooth

    def __init__(
        self,
        Tensor x,
        Tensor target,
        Tensor dx,
        Tensor weight or None = None,
        *,
        smooth: float = 1.0,
        finite: bool = False,
    ) -> None:
        self.smooth = smooth
        Loss.__init__(self, x, target, dx, weight, finite=finite)

    cdef double terms(self) noexcept nogil:
        return 1

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil:
        cdef Py_ssize_t start = row * self.columns
        return self.table.dice(
            rows,
            self.columns,
            self.x + start,
            self.target + start,
            weight,
            self.smooth,
            <float> self.scale,
            self.dx + start,
        )
