"""The base of Ops that measure: a value of each batch, and its mean over all of them."""

from fastnn.engine.op cimport ChunkedOp
from fastnn.engine.tensor cimport Tensor, floats


class DivergenceError(FloatingPointError):
    """A loss, the statistics of a batch, or the parameters, that stopped being finite."""


cdef class Meter(ChunkedOp):
    """An op that measures each batch: `last` is the batch's value, `mean` that of all since `reset`, by rows.

    weight: float32 (rows, 1), or None: the weight of each row. A batch whose weights sum to 0 measures 0.
    """

    cdef void take_weight(self, Tensor weight) except *:
        if weight is not None and (weight.rows < self.capacity or weight.columns != 1):
            name = type(self).__name__
            raise ValueError(f"{name}: expected a weight for each of {self.capacity} rows, got {weight!r}")
        self.weight = floats(weight)

    cdef double mass(self) noexcept nogil:
        """The weight of the batch: how many rows it has, or the sum of theirs."""
        cdef Py_ssize_t i
        cdef double mass = 0
        if self.weight == NULL:
            return self.present_rows()
        for i in range(self.present_rows()):
            mass += self.weight[i]
        return mass

    cdef void record(self, double value, double weight) noexcept nogil:
        self.last, self.counted = value, weight
        self.total += value * weight
        self.count += weight

    cdef void add(self, double value) noexcept nogil:
        """Adds a penalty to the value recorded last."""
        self.last += value
        self.total += value * self.counted

    @property
    def mean(self) -> float:
        """The mean over the rows since `reset`; NaN before the first, and where all weights are 0."""
        return self.total / self.count if self.count else float("nan")

    @property
    def measured(self) -> tuple[float, float, float]:
        """last, total and count, restored after a trial run."""
        return self.last, self.total, self.count

    @measured.setter
    def measured(self, measured: tuple[float, float, float]) -> None:
        self.last, self.total, self.count = measured

    def reset(self) -> None:
        """Forgets what was measured."""
        self.total = 0
        self.count = 0

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.columns
