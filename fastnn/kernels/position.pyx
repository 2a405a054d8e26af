"""Numbers that belong to the steps of sequences, added to each sequence, and their gradient."""

from libc.stdint cimport int32_t
from libc.string cimport memset

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.steps cimport Steps


cdef class OfSteps(Op):
    """What both share: x, whole sequences (rows, times * columns) or by steps, and weight (positions, columns).

    There are as many positions as steps or more. A weight (columns,) is that of sequences of one step: a bias.
    """

    cdef Steps steps
    cdef Py_ssize_t times, columns, beyond  # the last: elements of the weight after those of the last step

    cdef void take(self, Tensor x, Tensor weight, Steps steps, tuple tensors) except *:
        cdef Py_ssize_t positions = 1 if len(weight.shape) == 1 else weight.rows
        self.columns, self.steps = weight.size // max(1, positions), steps
        self.times = x.columns // max(1, self.columns) if steps is None else steps.times
        self.beyond = (positions - self.times) * self.columns
        if x.columns != (self.times * self.columns if steps is None else self.columns) or self.beyond < 0:
            raise ValueError(f"{type(self).__name__}: x {x.shape} does not fit a weight {weight.shape}")
        self.pace = 1.0
        self.bind(tensors)

    cdef double work(self) noexcept nogil:
        return self.present_rows() * (self.times if self.steps is None else 1) * self.columns


cdef class AddPositions(OfSteps):
    """y = x + weight for each sequence; y may be x. steps: None where x and y are whole sequences."""

    cdef const float *x
    cdef const float *weight
    cdef float *y

    def __init__(self, Tensor x, Tensor weight, Tensor y, Steps steps or None = None) -> None:
        if y.rows != x.rows or y.columns != x.columns:
            raise ValueError(f"AddPositions: expected y {x.shape}, got {y.shape}")
        self.x, self.weight, self.y = floats(x), floats(weight), floats(y)
        self.take(x, weight, steps, (x, weight, y))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t t, row, n = self.columns
        if self.steps is None:
            n *= self.times
            for row in range(self.present_rows() * index // parts, self.present_rows() * (index + 1) // parts):
                self.table.add(n, self.x + row * n, self.weight, self.y + row * n)
            return
        for t in range(self.times * index // parts, self.times * (index + 1) // parts):
            for row in range(self.steps.start[t], self.steps.start[t] + self.steps.present[t]):
                self.table.add(n, self.x + row * n, self.weight + t * n, self.y + row * n)


cdef class AddPosition(Op):
    """y = x + weight[present - 1]: each row of x is one step of a sequence, and present says which, from 1.

    x and y (rows, columns), weight (times, columns), present int32 (rows, 1); y may be x.
    """

    cdef const float *x
    cdef const float *weight
    cdef float *y
    cdef const int32_t *present
    cdef Py_ssize_t columns

    def __init__(self, Tensor x, Tensor weight, Tensor present, Tensor y) -> None:
        if (y.rows, y.columns) != (x.rows, x.columns) or weight.columns != x.columns:
            raise ValueError(f"AddPosition: x {x.shape}, a weight {weight.shape} and y {y.shape} do not fit")
        if present.dtype != "int32" or (present.rows, present.columns) != (x.rows, 1):
            raise ValueError(f"AddPosition: expected present, int32 {(x.rows, 1)}, got {present!r}")
        self.x, self.weight, self.y, self.columns = floats(x), floats(weight), floats(y), x.columns
        self.present = <const int32_t *> present.data
        self.pace = 1.0
        self.bind((x, weight, present, y))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row, n = self.columns, rows = self.present_rows()
        for row in range(rows * index // parts, rows * (index + 1) // parts):
            self.table.add(n, self.x + row * n, self.weight + (self.present[row] - 1) * n, self.y + row * n)

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.columns


cdef class PositionsGradient(OfSteps):
    """dweight = the sum of dy over the sequences that have each step, 0 where none has. add: accumulate.

    steps: as AddPositions.
    """

    cdef const float *dy
    cdef float *dweight
    cdef bint add

    def __init__(self, Tensor dy, Tensor dweight, Steps steps or None = None, *, add: bool = False) -> None:
        self.dy, self.dweight, self.add = floats(dy), floats(dweight), add
        self.take(dy, dweight, steps, (dy, dweight))

    cdef void run(self) noexcept nogil:
        if self.state.inputs_only:
            return
        if not self.add:
            memset(self.dweight + self.times * self.columns, 0, self.beyond * sizeof(float))
        Op.run(self)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t t, n = self.columns, row = n * self.times, rows = self.present_rows()
        cdef const float *dy
        for t in range(self.times * index // parts, self.times * (index + 1) // parts):
            dy = self.dy + t * n
            if self.steps is not None:
                dy, row, rows = self.dy + self.steps.start[t] * n, n, self.steps.present[t]
            self.table.column_sum(rows, n, dy, row, self.add, self.dweight + t * n)
