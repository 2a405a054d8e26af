"""Pooling over time: one row for each sequence from its steps, and the gradient."""

from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.steps cimport Steps


cdef class StepPool(Op):
    """An op between steps (rows * times, columns) and sequences (rows, columns), a sequence at a time."""

    cdef Steps steps
    cdef float *parted
    cdef float *whole
    cdef int32_t *time
    cdef Py_ssize_t columns

    def __cinit__(self) -> None:
        self.pace = 2.0

    def take(self, Tensor parted, Tensor whole, Steps steps, time: Tensor | None) -> None:
        cdef Tensor places = time
        if parted.rows != whole.rows * steps.times or parted.columns != whole.columns:
            raise ValueError(
                f"{type(self).__name__}: {steps.times} steps {parted.shape} and sequences {whole.shape} do not fit"
            )
        steps.check_rows(self, whole.rows)
        if places is not None:
            if places.dtype != "int32" or (places.rows, places.columns) != (whole.rows, whole.columns):
                raise ValueError(f"{type(self).__name__}: expected int32 places {whole.shape}, got {places!r}")
            self.time = <int32_t *> places.data
        self.parted, self.whole, self.steps, self.columns = floats(parted), floats(whole), steps, whole.columns
        self.bind((whole, parted, places))

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return min(<Py_ssize_t> threads, self.state.rows)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t place, end = self.state.rows * (index + 1) // parts
        for place in range(self.state.rows * index // parts, end):
            self.sequence(place, self.steps.row[place] * self.columns, self.steps.length_of(place))

    cdef float *step(self, Py_ssize_t place, Py_ssize_t t) noexcept nogil:
        return self.parted + (self.steps.start[t] + place) * self.columns

    cdef void sequence(self, Py_ssize_t place, Py_ssize_t at, Py_ssize_t length) noexcept nogil:
        """The sequence at a place, of the given length, whose row starts at an element."""
        pass

    cdef double work(self) noexcept nogil:
        return self.steps.total * self.columns


cdef class StepMultiply(StepPool):
    """y = x times the factors of its sequence. x, y (rows * times, columns), factors (rows, columns)."""

    cdef float *result

    def __init__(self, Tensor x, Tensor factors, Tensor y, Steps steps) -> None:
        if y.shape != x.shape:
            raise ValueError(f"StepMultiply: expected y like x {x.shape}, got {y.shape}")
        self.take(x, factors, steps, None)
        self.result = floats(y)
        self.tensors += (y,)

    cdef void sequence(self, Py_ssize_t place, Py_ssize_t at, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t t
        for t in range(length):
            self.table.multiply(
                self.columns, self.step(place, t), self.whole + at,
                self.result + (self.steps.start[t] + place) * self.columns,
            )


cdef class StepMean(StepPool):
    """y = the mean of x over the real steps. x (rows * times, columns), y (rows, columns)."""

    def __init__(self, Tensor x, Tensor y, Steps steps) -> None:
        self.take(x, y, steps, None)

    cdef void sequence(self, Py_ssize_t place, Py_ssize_t at, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t t
        cdef float *y = self.whole + at
        memcpy(y, self.step(place, 0), 4 * self.columns)
        for t in range(1, length):
            self.table.add(self.columns, y, self.step(place, t), y)
        self.table.scale(self.columns, <float> (1.0 / length), y, y)


cdef class StepMeanGradient(StepPool):
    """dx = dy / the number of steps, at each of them. dy (rows, columns), dx (rows * times, columns)."""

    def __init__(self, Tensor dy, Tensor dx, Steps steps) -> None:
        self.take(dx, dy, steps, None)

    cdef void sequence(self, Py_ssize_t place, Py_ssize_t at, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t t
        for t in range(length):
            self.table.scale(self.columns, <float> (1.0 / length), self.whole + at, self.step(place, t))


cdef class StepMaximum(StepPool):
    """y = the maximum of x over the real steps, NaN where there is one; time: its step, the first of equals.

    x (rows * times, columns), y (rows, columns), time int32 (rows, columns).
    """

    def __init__(self, Tensor x, Tensor y, Steps steps, Tensor time) -> None:
        self.take(x, y, steps, time)

    cdef void sequence(self, Py_ssize_t place, Py_ssize_t at, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t t
        for t in range(length):
            self.table.latest_maximum(self.columns, t, self.step(place, t), self.whole + at, self.time + at)


cdef class StepMaximumGradient(StepPool):
    """dx = dy at the step that StepMaximum found, else 0. dy (rows, columns), dx (rows * times, columns)."""

    def __init__(self, Tensor dy, Tensor dx, Steps steps, Tensor time) -> None:
        self.take(dx, dy, steps, time)

    cdef void sequence(self, Py_ssize_t place, Py_ssize_t at, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t t, j
        for t in range(length):
            memset(self.step(place, t), 0, 4 * self.columns)
        for j in range(self.columns):
            self.step(place, self.time[at + j])[j] = self.whole[at + j]
