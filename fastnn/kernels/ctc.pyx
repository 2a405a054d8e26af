"""Connectionist temporal classification: its targets, rows of labels, and its loss with the gradient."""

from functools import partial

from libc.stdint cimport int32_t
from libc.stdlib cimport calloc
from libc.string cimport memset

from fastnn.engine cimport csrc, thread_count
from fastnn.engine.op cimport Op
from fastnn.engine.port cimport Port
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.gather cimport Gathered
from fastnn.kernels.loss cimport Loss

from fastnn.engine import trial

cdef extern from "kernels.h":
    Py_ssize_t FASTNN_CTC_SCRATCH(Py_ssize_t times, Py_ssize_t count) nogil

cdef enum:
    IMPOSSIBLE = -1  # a count: the labels have no alignment, and the row no loss
    PADDING = -1


cdef int32_t *integers(name, Tensor x, Py_ssize_t rows, Py_ssize_t columns) except? NULL:
    """The memory of int32 (rows, columns), NULL for None."""
    if x is None:
        return NULL
    if x.dtype != "int32" or x.rows != rows or x.columns != columns:
        raise ValueError(f"{name}: expected int32 ({rows}, {columns}), got {x!r}")
    return <int32_t *> x.data


cdef class GatherLabelRows(Gathered):
    """y = the port's labels as int32 (rows, times), and count (rows, 1), how many there are before the padding of -1.

    Each is an integer in 0..classes-1 other than the blank. Labels need as many frames as they are, and one more for
    each that equals the one before it: more than the length of the row, int32 lengths (rows, 1), or None for `times`,
    is an error, or with ignore_impossible count = -1.
    """

    cdef int32_t *y
    cdef int32_t *counts
    cdef const int32_t *lengths
    cdef Py_ssize_t classes, blank, times
    cdef bint ignore_impossible

    def __init__(
        self, Port port, Tensor y, Tensor count, Tensor lengths or None = None, *, classes: int, blank: int = 0,
        ignore_impossible: bool = False,
    ) -> None:
        if port.most != y.columns:
            raise ValueError(
                f"GatherLabelRows: expected a port of up to {y.columns} labels, {port.name} has {port.most}"
            )
        if not 0 <= blank < classes < 2**31:
            raise ValueError(f"GatherLabelRows: the blank must be from 0 to {classes - 1}, got {blank}")
        self.port, self.times, self.classes, self.blank = port, y.columns, classes, blank
        self.y = integers("GatherLabelRows: y", y, y.rows, y.columns)
        self.counts = integers("GatherLabelRows: count", count, y.rows, 1)
        self.lengths = integers("GatherLabelRows: lengths", lengths, y.rows, 1)
        self.ignore_impossible = ignore_impossible
        port.trial = partial(trial.label_rows, classes, blank)
        self.bind((y, count, lengths))

    cdef Py_ssize_t take(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t i, bad
        for i in range(row, row + rows):
            bad = self.labels(i, self.y + i * self.times)
            if bad >= 0:
                return (i - row) * self.port.columns + bad
        return -1

    cdef Py_ssize_t labels(self, Py_ssize_t row, int32_t *y) noexcept nogil:
        """Gathers a row into y and counts; the position of a bad label, 0 where they are too many, or -1."""
        cdef Py_ssize_t j, count = 0, needed, n = self.port.columns
        cdef Py_ssize_t bad = self.table.gather_labels(
            1, n, self.classes, &self.port.source, self.state.first + row, self.state.order, PADDING, y
        )
        if bad >= 0:
            return bad
        while count < n and y[count] != PADDING:
            count += 1
        needed = count
        for j in range(count):
            if y[j] == self.blank:
                return j
            needed += j > 0 and y[j] == y[j - 1]
        for j in range(count, n):
            if y[j] != PADDING:
                return j
        if needed > (self.times if self.lengths == NULL else self.lengths[row]):
            if not self.ignore_impossible:
                return 0
            count = IMPOSSIBLE
        self.counts[row] = <int32_t> count
        return -1

    def complain(self, place: int) -> Exception:
        row, column = divmod(place, self.port.columns)
        value, before = self.given(row, column), [self.given(row, i) for i in range(column)]
        where = self.where(row, column)
        if not 0 <= value < self.classes or value != int(value):
            return ValueError(
                f"{where} is {value}; expected an integer label from 0 to {self.classes - 1}, or -1 for padding"
            )
        if value == self.blank:
            return ValueError(f"{where} is {value}, the blank, which is between labels and is not one itself")
        if PADDING in before:
            return ValueError(f"{where} is {value} after a padding of -1; labels come first")
        labels = [self.given(row, i) for i in range(self.port.columns)]
        labels = labels[: labels.index(PADDING)] if PADDING in labels else labels
        repeats = sum(one == other for one, other in zip(labels, labels[1:]))
        frames = self.times if self.lengths == NULL else self.lengths[<Py_ssize_t> row]
        return ValueError(
            f"{self.port.name}[{self.sample(row)}] has {len(labels)} labels, {repeats} of them equal to the one "
            f"before, and so needs {len(labels) + repeats} frames, but has {frames}; leave it out, or use "
            "CTC(ignore_impossible=True)"
        )


cdef class CTC(Loss):
    """-log of the probability of the labels, the sum over their alignments, the mean over rows, in nats; and dx.

    x, dx: float32 logits (rows, times * classes). labels, count: as GatherLabelRows makes them; a row of count -1 has
    loss 0 and gradient 0. lengths: int32 (rows, 1), the frames of each row, or None for `times`; dx is 0 beyond them.
    port: by which the labels enter, so that memory is allocated for as many as they are. Graves et al. 2006; see
    csrc/ctc.h.
    """

    cdef const int32_t *labels
    cdef const int32_t *counts
    cdef const int32_t *lengths
    cdef Py_ssize_t times, classes, blank, most
    cdef Py_ssize_t room, threads  # floats of a thread's scratch, and how many there are
    cdef Tensor scratch
    cdef float *memory

    def __init__(
        self, Tensor x, Tensor labels, Tensor count, Tensor dx, Tensor weight or None = None,
        Tensor lengths or None = None, Port port or None = None, *, classes: int, blank: int = 0, finite: bool = False,
    ) -> None:
        if not 0 <= blank < classes or x.columns % classes:
            raise ValueError(
                f"CTC: {x.columns} columns are not frames of {classes} classes, of which {blank} is the blank"
            )
        self.times, self.classes, self.blank = x.columns // classes, classes, blank
        self.labels = integers("CTC: labels", labels, x.rows, labels.columns)
        self.most = labels.columns
        self.counts = integers("CTC: count", count, x.rows, 1)
        self.lengths = integers("CTC: lengths", lengths, x.rows, 1)
        self.take(x, labels, dx, weight, finite)
        self.tensors += (count, lengths)
        self.pace = 1.0
        if port is None:
            self.reserve(self.most)
        else:
            port.prepare = self.reserve

    def reserve(self, labels: int) -> None:
        """Makes memory for rows of up to that many labels, for each thread that may run."""
        cdef Py_ssize_t room = (FASTNN_CTC_SCRATCH(self.times, labels) + 15) // 16 * 16
        cdef Py_ssize_t threads = min(thread_count.allowed(), max(1, self.capacity))
        if room > self.room or threads > self.threads:
            self.scratch = Tensor((threads, max(room, self.room)))
            self.memory, self.threads, self.room = floats(self.scratch), threads, self.scratch.columns

    cdef tuple bind(self, tuple tensors):
        self.partial = <double *> calloc((<Tensor> tensors[0]).rows + 1, sizeof(double))
        if self.partial == NULL:
            raise MemoryError
        return Op.bind(self, tensors)

    cdef double terms(self) noexcept nogil:
        return 1

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return min(<Py_ssize_t> threads, self.threads)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef float *scratch = self.memory + index * self.room
        cdef Py_ssize_t row, rows = self.state.rows
        for row in range(rows * index // parts, rows * (index + 1) // parts):
            self.partial[row] = self.loss_of(row, scratch)

    cdef double loss_of(self, Py_ssize_t row, float *scratch) noexcept nogil:
        """The loss of a row times its weight, and its gradient."""
        cdef Py_ssize_t size = self.times * self.classes, used
        cdef const float *weight = self.weigh(row, 1)
        cdef csrc.fastnn_ctc p
        p.times = self.times if self.lengths == NULL else self.lengths[row]
        p.classes, p.blank, p.count = self.classes, self.blank, self.counts[row]
        p.labels, p.x, p.dx = self.labels + row * self.most, self.x + row * size, self.dx + row * size
        p.scale = <float> self.scale * (1 if weight == NULL else weight[0])
        used = 0 if p.count == IMPOSSIBLE or (weight != NULL and weight[0] == 0) else p.times * p.classes
        memset(p.dx + used, 0, (size - used) * sizeof(float))
        if used == 0:
            return 0
        return self.table.ctc(&p, scratch) * (1 if weight == NULL else weight[0])

    cdef double sum_of_chunks(self) noexcept nogil:
        cdef Py_ssize_t row
        cdef double total = 0
        for row in range(self.state.rows):
            total += self.partial[row]
        return total

    cdef double work(self) noexcept nogil:
        return self.state.rows * self.times * (40.0 + self.classes + self.room / (2.0 * self.times))
