"""Losses: the mean over a batch, in double, and the gradient with respect to the network's output in the same pass."""

from libc.math cimport isfinite
from libc.stdint cimport int32_t

from fastnn.op cimport ChunkedOp, Op
from fastnn.tensor cimport Tensor, floats


class DivergenceError(FloatingPointError):
    """A loss, or the parameters, that stopped being finite."""


cdef class Meter(ChunkedOp):
    """An op that measures each batch: `last` is the batch's value, `mean` that of all since `reset`, by rows."""

    cdef void record(self, double value) noexcept nogil:
        self.last = value
        self.total += value * self.state.rows
        self.count += self.state.rows

    cdef void add(self, double value) noexcept nogil:
        """What was recorded last was less by this (a penalty)."""
        self.last += value
        self.total += value * self.state.rows

    @property
    def mean(self) -> float:
        """The mean over the rows since `reset`; NaN before the first."""
        return self.total / self.count if self.count else float("nan")

    @property
    def measured(self) -> tuple[float, float, int]:
        """last, total and count, to be put back after a trial run."""
        return self.last, self.total, self.count

    @measured.setter
    def measured(self, measured: tuple[float, float, int]) -> None:
        self.last, self.total, self.count = measured

    def reset(self) -> None:
        """Forgets what was measured."""
        self.total = 0
        self.count = 0

    cdef double work(self) noexcept nogil:
        return self.state.rows * self.columns


cdef class Added(Meter):
    """Nothing, at each step, for other ops to add to (penalties). x tells the rows."""

    def __init__(self, Tensor x) -> None:
        self.columns = 1
        self.bind((x,))

    cdef void run(self) noexcept nogil:
        self.record(0)


cdef class Loss(Meter):
    """A loss of x (rows, columns) against a target, and dx, its gradient.

    With finite, a loss that is not a finite number is an error, and so the step has no effect.
    """

    cdef const float *x
    cdef const float *target
    cdef float *dx
    cdef double scale  # 1 / what the sum is divided by
    cdef bint finite

    def __cinit__(self) -> None:
        self.pace = 0.5

    def __init__(self, Tensor x, Tensor target, Tensor dx, *, finite: bool = False) -> None:
        if not (target.rows == dx.rows == x.rows and target.columns == dx.columns == x.columns):
            self.refuse(x, target, dx)
        self.target = floats(target)
        self.take(x, target, dx, finite)

    def refuse(self, *tensors) -> None:
        shapes = ", ".join(f"{tensor.shape} {tensor.dtype}" for tensor in tensors)
        raise ValueError(f"{type(self).__name__}(x, target, dx): shapes {shapes} do not fit")

    def take(self, Tensor x, Tensor target, Tensor dx, finite: bool) -> None:
        self.x, self.dx, self.columns, self.finite = floats(x), floats(dx), x.columns, finite
        self.bind((x, target, dx))

    cdef void run(self) noexcept nogil:
        self.scale = 1.0 / self.terms()
        Op.run(self)

    cdef double terms(self) noexcept nogil:
        """What the sum is divided by."""
        return self.state.rows * self.columns

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.chunk
        self.partial[index] = self.piece(row, min(self.chunk, self.state.rows - row))

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        """The sum of the losses of `rows` rows, and their gradient."""
        return 0

    cdef void finish(self) noexcept nogil:
        cdef double mean = self.sum_of_chunks() * self.scale
        if self.finite and not isfinite(mean):
            self.last = mean
            self.fail(0)
        else:
            self.record(mean)

    def explain(self, place: int) -> Exception:
        return DivergenceError(f"the loss became {self.last}; a smaller learning rate may help")


cdef class CrossEntropy(Loss):
    """-sum_j t_j log softmax(x)_j, the mean over rows, in nats; dx = (softmax(x) - t) / rows.

    x: logits (rows, classes). target: int32 labels (rows,), or float32 distributions (rows, classes).
    """

    cdef const int32_t *label

    def __init__(self, Tensor x, Tensor target, Tensor dx, *, finite: bool = False) -> None:
        cdef Py_ssize_t columns = 1 if target.dtype == "int32" else x.columns
        if not (target.rows == dx.rows == x.rows and target.columns == columns and dx.columns == x.columns):
            self.refuse(x, target, dx)
        if target.dtype == "int32":
            self.label = <const int32_t *> target.data
        else:
            self.target = floats(target)
        self.take(x, target, dx, finite)

    cdef double terms(self) noexcept nogil:
        return self.state.rows

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i
        if self.label != NULL:
            for i in range(self.state.rows):
                if not 0 <= self.label[i] < self.columns:
                    self.fail(1 + i)
                    return
        Loss.run(self)

    def explain(self, place: int) -> Exception:
        if place == 0:
            return Loss.explain(self, place)
        return ValueError(f"CrossEntropy: label {self.label[place - 1]} is not from 0 to {self.columns - 1}")

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t start = row * self.columns
        cdef const int32_t *label = NULL
        cdef const float *target = NULL
        if self.label != NULL:
            label = self.label + row
        else:
            target = self.target + start
        return self.table.cross_entropy(
            rows, self.columns, self.x + start, label, target, <float> self.scale, self.dx + start
        )


cdef class BinaryCrossEntropy(Loss):
    """-t log s(x) - (1 - t) log(1 - s(x)), s the sigmoid, the mean over all elements; dx = (s(x) - t) / elements.

    x: logits, target in [0, 1], dx: float32 (rows, columns).
    """

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t start = row * self.columns
        return self.table.binary_cross_entropy(
            rows * self.columns, self.x + start, self.target + start, <float> self.scale, self.dx + start
        )


cdef class MeanSquaredError(Loss):
    """(x - t)^2, the mean over all elements; dx = 2 (x - t) / elements. x, target, dx: float32 (rows, columns)."""

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t start = row * self.columns
        return self.table.mse(
            rows * self.columns, self.x + start, self.target + start, <float> self.scale, self.dx + start
        )
