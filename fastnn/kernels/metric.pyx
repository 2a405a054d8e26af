"""Metrics, measured in the plan beside the loss, and the class of a row."""

from libc.math cimport isnan
from libc.stdint cimport int32_t

from fastnn.kernels.loss cimport Meter
from fastnn.op cimport Op
from fastnn.tensor cimport Tensor, floats


cdef class Classes(Op):
    """y = the class of each row of x as int32: the first greatest column, or with a threshold, x >= threshold."""

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
        cdef Py_ssize_t i, start = self.state.rows * index // parts, end = self.state.rows * (index + 1) // parts
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
        return ValueError(f"the network's output for row {place} of a batch is NaN, which is no class")

    cdef double work(self) noexcept nogil:
        return self.state.rows * self.columns


cdef class Accuracy(Meter):
    """The share of rows whose class is the target's. classes, target: int32 (rows,)."""

    cdef const int32_t *classes
    cdef const int32_t *target

    def __init__(self, Tensor classes, Tensor target) -> None:
        if not (classes.dtype == target.dtype == "int32" and classes.shape == target.shape and classes.columns == 1):
            raise ValueError(f"Accuracy: expected equal int32 classes, got {classes!r} and {target!r}")
        self.classes, self.target = <const int32_t *> classes.data, <const int32_t *> target.data
        self.columns = 1
        self.bind((classes, target))

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i, right = 0
        for i in range(self.state.rows):
            right += self.classes[i] == self.target[i]
        self.record(right / <double> self.state.rows)


cdef class MeanAbsoluteError(Meter):
    """|x - t|, the mean over all elements. x, target: float32 (rows, columns)."""

    cdef const float *x
    cdef const float *target

    def __init__(self, Tensor x, Tensor target) -> None:
        if x.rows != target.rows or x.columns != target.columns:
            raise ValueError(f"MeanAbsoluteError: expected equal shapes, got {x.shape} and {target.shape}")
        self.x, self.target, self.columns = floats(x), floats(target), x.columns
        self.bind((x, target))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.chunk, start = row * self.columns
        cdef Py_ssize_t n = min(self.chunk, self.state.rows - row) * self.columns
        self.partial[index] = self.table.absolute_error(n, self.x + start, self.target + start)

    cdef void finish(self) noexcept nogil:
        self.record(self.sum_of_chunks() / (self.state.rows * self.columns))
