"""Metrics, measured in the plan along with the loss, and the class of a row."""

from libc.math cimport isnan, log10, sqrt
from libc.stdint cimport int32_t

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.loss cimport ElementwiseLoss
from fastnn.kernels.meter cimport Meter


cdef class Classes(Op):
    """y = the class of each row of x as int32: the argmax, the first in a tie, or with a threshold, x >= threshold."""

    cdef const float *x
    cdef int32_t *y
    cdef Py_ssize_t columns
    cdef float threshold
    cdef bint compares

    def __init__(self, Tensor x, Tensor y, *, threshold: float | None = None) -> None:
        if y.dtype != "int32" or y.rows != x.rows or y.columns != 1:
            raise ValueError(f"Classes: expected an int32 y of shape ({x.rows},), got {y!r}")
        if threshold is not None and x.columns != 1:
            raise ValueError(f"Classes: a threshold is for one column, got {x!r}")
        self.x, self.y, self.columns = floats(x), <int32_t *> y.data, x.columns
        self.compares, self.threshold = threshold is not None, threshold or 0.0
        self.bind((x, y))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t i, rows = self.present_rows(), start = rows * index // parts, end = rows * (index + 1) // parts
        if not self.compares:
            self.table.argmax(end - start, self.columns, self.x + start * self.columns, self.y + start)
            for i in range(start, end):
                if isnan(self.x[i * self.columns + self.y[i]]):
                    self.fail(i)
        else:
            for i in range(start, end):
                self.y[i] = self.x[i] >= self.threshold
                if isnan(self.x[i]):
                    self.fail(i)

    def explain(self, place: int) -> Exception:
        row = place // self.positions
        return ValueError(f"the network's output for row {row} of a batch is NaN, so it has no class")

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.columns


cdef class Accuracy(Meter):
    """The fraction of rows whose class is the target's. classes, target: int32 (rows,)."""

    cdef const int32_t *classes
    cdef const int32_t *target

    def __init__(self, Tensor classes, Tensor target, Tensor weight or None = None) -> None:
        if not (classes.dtype == target.dtype == "int32" and classes.shape == target.shape and classes.columns == 1):
            raise ValueError(f"Accuracy: expected equal int32 classes, got {classes!r} and {target!r}")
        self.classes, self.target = <const int32_t *> classes.data, <const int32_t *> target.data
        self.columns = 1
        self.bind((classes, target, weight))
        self.take_weight(weight)

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i
        cdef double right = 0, mass = self.mass()
        if self.weight == NULL:
            for i in range(self.present_rows()):
                right += self.classes[i] == self.target[i]
        else:
            for i in range(self.present_rows()):
                if self.classes[i] == self.target[i]:
                    right += self.weight[i]
        self.record(right / mass if mass > 0 else 0, mass)


cdef class TopAccuracy(Meter):
    """The fraction of rows where fewer than k outputs exceed the target's. x (rows, classes); target int32."""

    cdef const float *x
    cdef const int32_t *target
    cdef Py_ssize_t k

    def __init__(self, Tensor x, Tensor target, Tensor weight or None = None, *, k: int) -> None:
        if target.dtype != "int32" or target.rows != x.rows or target.columns != 1:
            raise ValueError(f"TopAccuracy: expected an int32 target of shape ({x.rows},), got {target!r}")
        self.x, self.target, self.columns, self.k = floats(x), <const int32_t *> target.data, x.columns, k
        self.bind((x, target, weight))
        self.take_weight(weight)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t i, j, greater, row = index * self.chunk
        cdef const float *x
        cdef float own
        cdef double right = 0
        for i in range(row, min(row + self.chunk, self.present_rows())):
            x = self.x + i * self.columns
            own = x[self.target[i]]
            greater = 0
            for j in range(self.columns):
                greater += not x[j] <= own  # a NaN counts as greater
            if greater < self.k:
                right += 1 if self.weight == NULL else self.weight[i]
        self.partial[index] = right

    cdef void finish(self) noexcept nogil:
        cdef double mass = self.mass()
        self.record(self.sum_of_chunks() / mass if mass > 0 else 0, mass)


cdef class OfSquaredErrors(ElementwiseLoss):
    """A function of the mean of (x - t)^2 over all elements of all batches. x, target: float32 (rows, columns)."""

    def __init__(self, Tensor x, Tensor target, Tensor weight or None = None) -> None:
        ElementwiseLoss.__init__(self, x, target, None, weight, loss="mse")

    cdef double of(self, double mean) noexcept nogil:
        return mean

    cdef void record(self, double value, double weight) noexcept nogil:
        Meter.record(self, value, weight)
        self.last = self.of(value) if weight > 0 else 0

    @property
    def mean(self) -> float:
        """Of the mean over the rows since `reset`; NaN before the first."""
        return self.of(self.total / self.count) if self.count else float("nan")


cdef class RootMeanSquaredError(OfSquaredErrors):
    """sqrt(mean((x - t)^2))."""

    cdef double of(self, double mean) noexcept nogil:
        return sqrt(mean)


cdef class PeakSignalToNoise(OfSquaredErrors):
    """10 log10(data_range^2 / mean((x - t)^2)), in decibels; infinite for equal tensors."""

    cdef double peak

    def __init__(self, Tensor x, Tensor target, Tensor weight or None = None, *, data_range: float) -> None:
        OfSquaredErrors.__init__(self, x, target, weight)
        self.peak = 20 * log10(data_range)

    cdef double of(self, double mean) noexcept nogil:
        return self.peak - 10 * log10(mean)
