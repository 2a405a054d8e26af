"""Sequences by steps: time by time, and for each only the sequences that are that long, the longest first.

So the rows of a time are contiguous, ops on single steps are ops on rows, and there is no padding.
A batch whose sequences are all full is the special case of one order.
"""

from functools import partial

from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from fastnn.engine.op cimport ChunkedOp, Op
from fastnn.engine.port cimport Port
from fastnn.engine.tensor cimport Tensor
from fastnn.kernels.gather cimport Gathered, counts

from fastnn.common import checks
from fastnn.engine import trial


cdef class Steps(Gathered):
    """Where each step of a batch is: time t has the rows from start[t] on; the i-th of them belongs to place i.

    Places go by descending length, equal ones in the order of the batch. lengths: int32 (rows, 1), which it fills from
    the port: integers from 1 to `times`; without a port all sequences have `times` steps.
    """

    def __init__(self, port: Port | None, Tensor lengths, *, times: int) -> None:
        if lengths.dtype != "int32" or lengths.columns != 1:
            raise ValueError(f"Steps: expected int32 lengths (rows, 1), got {lengths!r}")
        self.times = checks.integer("Steps: times", times)
        if port is not None:
            if port.columns != 1:
                raise ValueError(f"Steps: {port.name} has rows of {port.columns} elements; expected one length a row")
            port.trial = partial(trial.full, self.times)
        cdef Py_ssize_t rows = lengths.rows
        free(self.memory)
        self.memory = <Py_ssize_t *> calloc(2 * (self.times + 1 + rows), sizeof(Py_ssize_t))
        if self.memory == NULL:
            raise MemoryError
        self.start, self.present = self.memory, self.memory + self.times + 1
        self.row = self.present + self.times + 1
        self.length_at = self.row + rows
        self.ends = <int32_t *> lengths.data
        self.port = port
        self.bind((lengths,))
        self.lay_full()

    def __dealloc__(self) -> None:
        free(self.memory)

    cdef void lay_full(self) noexcept nogil:
        """The layout where all sequences have all steps."""
        cdef Py_ssize_t i, t
        for i in range(self.state.rows):
            self.row[i], self.length_at[i] = i, self.times
        for t in range(self.times):
            self.start[t], self.present[t] = t * self.state.rows, self.state.rows
        self.total, self.longest, self.laid = self.times * self.state.rows, self.times, self.state.rows

    cdef void check_rows(self, op, Py_ssize_t rows) except *:
        """Raises ValueError for an op whose rows do not match the lengths."""
        if rows != self.capacity:
            raise ValueError(f"{type(op).__name__}: {rows} sequences, but steps of {self.capacity}")

    cpdef void lead(self, Op op) except *:
        """From now on the op's rows are steps."""
        op.leader, op.count, op.length = self, &self.total, self.times

    cdef void run(self) noexcept nogil:
        if self.port is not None:
            ChunkedOp.run(self)
        elif self.laid != self.state.rows:
            self.lay_full()

    cdef Py_ssize_t take(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t i, bad = self.table.gather_labels(
            rows, 1, self.times + 1, &self.port.source, self.state.first + row, self.state.order, -1, self.ends + row
        )
        for i in range(row, row + rows if bad < 0 else row + bad):
            if self.ends[i] < 1:
                return i - row
        return bad

    cdef void finish(self) noexcept nogil:
        Gathered.finish(self)
        if self.state.failed == NULL:
            self.lay()

    cdef void lay(self) noexcept nogil:
        """Counts the sequences of each length, and sorts the rows by it."""
        cdef Py_ssize_t i, t, rows = self.state.rows
        memset(self.present, 0, (self.times + 1) * sizeof(Py_ssize_t))
        self.longest = 0
        for i in range(rows):
            self.present[self.ends[i] - 1] += 1
            self.longest = max(self.longest, <Py_ssize_t> self.ends[i])
        for t in range(self.times - 2, -1, -1):
            self.present[t] += self.present[t + 1]
        self.total = 0
        for t in range(self.times):
            self.start[t] = self.total
            self.total += self.present[t]
        # Before those of length n come all that have a time n: as many as present[n]. Filled from behind.
        for i in range(rows - 1, -1, -1):
            t = self.ends[i] - 1
            self.present[t] -= 1
            self.row[self.present[t]], self.length_at[self.present[t]] = i, t + 1
        # Each sequence of a length has decremented its count: restore it.
        for i in range(rows):
            self.present[self.ends[i] - 1] += 1

    def complain(self, place: int) -> Exception:
        where, given = self.where(place, 0), self.given(place, 0)
        return ValueError(f"{where} is {given}; expected an integer from 1 to {self.times}")

    cdef tuple origin(self, Py_ssize_t row):
        """The user's length of a row, as errors call it, and the steps of its sequence."""
        return self.where(row, 0), self.ends[row]

    @property
    def lengths(self) -> list[int]:
        """The length of each row's sequence in the last run."""
        by_row = {self.row[i]: self.length_at[i] for i in range(self.state.rows)}
        return [by_row[i] for i in range(self.state.rows)]

    cdef double work(self) noexcept nogil:
        return self.state.rows


cdef class ScaledSteps(Steps):
    """Where each step is of sequences that a layer makes of others: of n steps, (n multiply + add) // divide.

    given: the lengths of the others, of which `source` is the layout. lengths: int32 (rows, 1), which it fills.
    """

    cdef Steps source
    cdef const int32_t *others
    cdef Py_ssize_t multiply, add, divide

    def __init__(
        self, Steps source, Tensor given, Tensor lengths, *, times: int, scale: tuple[int, int, int]
    ) -> None:
        Steps.__init__(self, None, lengths, times=times)
        source.check_rows(self, lengths.rows)
        self.source, self.others = source, counts("ScaledSteps", given, lengths.rows)
        self.multiply, self.add, self.divide = scale
        self.bind((given, lengths))

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i, n
        for i in range(self.state.rows):
            n = self.others[i] * self.multiply + self.add
            if n < self.divide:
                self.fail(i)
                return
            self.ends[i] = <int32_t> min(self.times, n // self.divide)
        self.lay()

    def explain(self, place: int) -> Exception:
        least = -((self.add - self.divide) // self.multiply)
        where, left = self.source.origin(place)
        return ValueError(f"{where} leaves {left} steps; {self.layer} needs at least {least}")

    cdef tuple origin(self, Py_ssize_t row):
        return self.source.origin(row)[0], self.ends[row]


cdef bint by_steps(Steps steps, Tensor x, Tensor whole):
    """Whether x (steps, ...) is `whole` (rows, times, ...) by these steps, or could be."""
    return x.rows == whole.rows * steps.times and x.columns * steps.times == whole.columns and x.dtype == whole.dtype


cdef class Carry(Op):
    """Between whole sequences (rows, times * columns) and their steps (rows * times, columns), of 4 or 1 bytes each."""

    cdef Steps steps
    cdef char *whole
    cdef char *parted
    cdef Py_ssize_t nbytes_of  # a step

    def __cinit__(self) -> None:
        self.pace = 1.0

    cdef void take(self, Tensor whole, Tensor parted, Steps steps, tuple tensors) except *:
        if not by_steps(steps, parted, whole):
            raise ValueError(
                f"{type(self).__name__}: {steps.times} steps of {whole.shape} {whole.dtype} are not "
                f"{parted.shape} {parted.dtype}"
            )
        steps.check_rows(self, whole.rows)
        self.steps, self.whole, self.parted = steps, <char *> whole.data, <char *> parted.data
        self.nbytes_of = whole.nbytes // (whole.rows * steps.times) if whole.rows else 0
        self.bind(tensors)

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return min(<Py_ssize_t> threads, self.state.rows)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t place, end = self.state.rows * (index + 1) // parts
        for place in range(self.state.rows * index // parts, end):
            self.copy(place, self.steps.length_of(place))

    cdef void copy(self, Py_ssize_t place, Py_ssize_t length) noexcept nogil:
        pass

    cdef double work(self) noexcept nogil:
        return self.steps.total * self.nbytes_of / 4.0


cdef class ToSteps(Carry):
    """y = the real steps of x. x (rows, times * columns), y (rows * times, columns)."""

    def __init__(self, Tensor x, Tensor y, Steps steps) -> None:
        self.take(x, y, steps, (x, y))

    cdef void copy(self, Py_ssize_t place, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t t, size = self.nbytes_of
        cdef const char *x = self.whole + self.steps.row[place] * self.steps.times * size
        for t in range(length):
            memcpy(self.parted + (self.steps.start[t] + place) * size, x + t * size, size)


cdef class FromSteps(Carry):
    """y = whole sequences from their steps, then zeros. x (rows * times, columns), y (rows, times * columns)."""

    def __init__(self, Tensor x, Tensor y, Steps steps) -> None:
        self.take(y, x, steps, (y, x))

    cdef void copy(self, Py_ssize_t place, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t t, size = self.nbytes_of
        cdef char *y = self.whole + self.steps.row[place] * self.steps.times * size
        for t in range(length):
            memcpy(y + t * size, self.parted + (self.steps.start[t] + place) * size, size)
        memset(y + length * size, 0, (self.steps.times - length) * size)
