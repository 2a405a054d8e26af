"""Rows of users' arrays into a plan and out of it."""

from functools import partial
from math import isfinite

from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

import numpy as np

from fastnn.engine cimport csrc
from fastnn.engine.op cimport ChunkedOp, Op
from fastnn.engine.port cimport Port
from fastnn.engine.tensor cimport Tensor, floats

from fastnn.engine import trial
from fastnn.engine.port import TYPES

#: Checks of gathered elements, in the order of csrc/kernels.h.
CHECKS = ("unchecked", "finite", "unit", "distribution", "nonnegative", "signed")

cdef enum:
    OUT_OF_REACH = -2  # the position reported for a row that the array does not have


cdef class Gathered(ChunkedOp):
    """An Op that reads a port's rows, in the order of the run, and notes the first bad element of each chunk."""

    cdef bint reaches(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        """Whether the array has all the rows that `rows` rows of the batch, from `row` on, are taken from."""
        cdef Py_ssize_t i
        if self.state.order == NULL:
            return self.state.first + row + rows <= self.port.rows
        for i in range(self.state.first + row, self.state.first + row + rows):
            if not 0 <= self.state.order[i] < self.port.rows:
                return False
        return True

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.chunk, rows = min(self.chunk, self.state.rows - row), place
        if not self.reaches(row, rows):
            self.partial[index] = OUT_OF_REACH
            return
        place = self.take(row, rows)
        self.partial[index] = -1 if place < 0 else row * self.port.columns + place

    cdef Py_ssize_t take(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        """Gathers `rows` rows of the batch; the position of a bad element in them, or -1."""
        return -1

    cdef void finish(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.parts(1)):
            if self.partial[i] != -1:
                self.fail(<Py_ssize_t> self.partial[i])
                return

    def explain(self, place: int) -> Exception:
        if place != OUT_OF_REACH:
            return self.complain(place)
        return ValueError(
            f"{self.port.name}: {self.port.rows} rows are attached, and the run reads rows beyond them"
        )

    cdef double work(self) noexcept nogil:
        return self.state.rows * self.port.columns

    cdef Py_ssize_t source_row(self, Py_ssize_t row):
        """The row of the port's array that became this row of the batch."""
        row += self.state.first
        return row if self.state.order == NULL else self.state.order[row]

    cdef object sample(self, Py_ssize_t row):
        """The user's sample that became this row of the batch."""
        row = self.source_row(row)
        return row if self.port.samples is None else self.port.samples[row]

    cdef str where(self, Py_ssize_t row, Py_ssize_t column):
        """An element of the batch, as the user's array has it."""
        shape = (self.port.columns,) if self.port.array is None else self.port.array.shape[1:]
        index = self.sample(row), *np.unravel_index(column, shape)
        return f"{self.port.name}[{', '.join(map(str, index))}]"

    cdef object given(self, Py_ssize_t row, Py_ssize_t column):
        """The value in the user's array for an element of the batch."""
        cdef csrc.fastnn_array *source = &self.port.source
        dtype = np.dtype(TYPES[source.type])
        cdef Py_ssize_t size = dtype.itemsize
        cdef const char *element = source.data + self.source_row(row) * source.row
        element += column * size if source.element == NULL else source.element[column]
        return np.frombuffer(element[:size], dtype.newbyteorder() if source.swapped else dtype)[0]


cdef const int32_t *counts(name, Tensor lengths, Py_ssize_t rows) except? NULL:
    """The memory of int32 (rows, 1), NULL for None."""
    if lengths is None:
        return NULL
    if lengths.dtype != "int32" or lengths.columns != 1 or lengths.rows != rows:
        raise ValueError(f"{name}: expected int32 lengths ({rows}, 1), got {lengths!r}")
    return <const int32_t *> lengths.data


cdef class Gather(Gathered):
    """y = the port's rows as float32: (rows, columns). An element that fails the check, one of CHECKS, is an error.

    width: the elements of a distribution, a divisor of columns; None: all of them. lengths: int32
    (rows, 1), or None: elements past length * width of a row are ignored, and become zeros.
    """

    cdef float *y
    cdef int check
    cdef Py_ssize_t width
    cdef const int32_t *lengths

    def __init__(
        self, Port port, Tensor y, Tensor lengths or None = None, *, check: str = "finite", width: int | None = None
    ) -> None:
        if y.columns != port.columns:
            raise ValueError(f"Gather: {port.name} has rows of {port.columns} elements, y is {y.shape}")
        if check not in CHECKS:
            raise ValueError(f"Gather: unknown check {check!r}; known: {', '.join(CHECKS)}")
        self.port, self.check, self.y = port, CHECKS.index(check), floats(y)
        self.width = port.columns if width is None else width
        if not 0 < self.width <= port.columns or port.columns % self.width:
            raise ValueError(f"Gather: rows of {port.columns} elements cannot be divided by a width of {width}")
        self.lengths = counts("Gather", lengths, y.rows)
        port.trial = partial(trial.numbers, check, self.width)
        self.bind((y, lengths))

    cdef Py_ssize_t take(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t i, count, place, n = self.port.columns, first = self.state.first
        if self.lengths == NULL:
            return self.gather(rows, n, first + row, self.y + row * n)
        for i in range(row, row + rows):
            count = min(n, self.lengths[i] * self.width)
            place = self.gather(1, count, first + i, self.y + i * n)
            if place >= 0:
                return (i - row) * n + place
            memset(self.y + i * n + count, 0, 4 * (n - count))
        return -1

    cdef Py_ssize_t gather(self, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t first, float *y) noexcept nogil:
        """Gathers the first n elements of rows into y; the position of a bad one in it, or -1."""
        return self.table.gather(rows, n, self.width, &self.port.source, first, self.state.order, self.check, y)

    def complain(self, place: int) -> Exception:
        row, column = divmod(place, self.port.columns)
        value = self.y[<Py_ssize_t> place]
        where = self.where(row, column)
        if not isfinite(value):
            return ValueError(f"{where} is {value:g} as float32; remove or replace such values")
        if self.check == csrc.fastnn_nonnegative:
            return ValueError(f"{where} is {value:g}; expected a number >= 0")
        if self.check == csrc.fastnn_signed:
            return ValueError(f"{where} is {value:g} as float32; expected 1 or -1, or 1 or 0")
        if not 0 <= value <= 1:
            return ValueError(f"{where} is {value:g} as float32; expected a probability from 0 to 1")
        several = self.width < self.port.columns
        where = f"{where.rpartition(',')[0]}]" if several else f"{self.port.name}[{self.sample(row)}]"
        return ValueError(f"{where} is not a distribution: its sum is not 1")


cdef class GatherActions(Gather):
    """y = the port's rows as float32, as Gather; the first of each `width` elements is an integer in 0..actions-1."""

    cdef Py_ssize_t actions

    def __init__(self, Port port, Tensor y, Tensor lengths or None = None, *, actions: int, width: int) -> None:
        Gather.__init__(self, port, y, lengths, width=width)
        self.actions = actions
        port.trial = partial(trial.actions, actions, width)

    cdef Py_ssize_t gather(self, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t first, float *y) noexcept nogil:
        cdef Py_ssize_t i, place = Gather.gather(self, rows, n, first, y), end = rows * n if place < 0 else place
        for i in range((end + self.width - 1) // self.width):
            if not is_index(y[i * self.width], self.actions):
                return i * self.width
        return place

    def complain(self, place: int) -> Exception:
        row, column = divmod(place, self.port.columns)
        value = self.y[<Py_ssize_t> place]
        if not isfinite(value):
            return Gather.complain(self, place)
        return ValueError(
            f"{self.where(row, column)} is {value:g}; expected an action, an integer from 0 to {self.actions - 1}"
        )


cdef class GatherLabels(Gathered):
    """y = the port's labels as int32, (rows, positions): each an integer in 0..classes-1.

    With ignore, kept, float32 like y, is the weight, or 1 without one; where the label is `ignore`, y = kept = 0.
    lengths: int32 (rows, 1), or None: labels past the length of a row are ignored, and become 0. what: what
    errors call a label.
    """

    cdef int32_t *y
    cdef const float *weight
    cdef float *kept
    cdef Py_ssize_t classes
    cdef str what
    cdef double ignored  # NaN for none
    cdef const int32_t *lengths

    def __init__(
        self,
        Port port,
        Tensor y,
        Tensor weight or None = None,
        Tensor kept or None = None,
        Tensor lengths or None = None,
        *,
        classes: int,
        ignore: int | None = None,
        what: str = "label",
    ) -> None:
        cdef Tensor tensor
        if port.columns != y.columns or y.dtype != "int32":
            raise ValueError(f"GatherLabels: expected an int32 y for {port.columns} labels a row, got {y!r}")
        if not 0 < classes < 2**31:
            raise ValueError(f"GatherLabels: classes must be from 1 to 2**31 - 1, got {classes}")
        if (ignore is None) != (kept is None):
            raise ValueError("GatherLabels: ignore and kept go together")
        for tensor in (weight, kept):
            if tensor is not None and (tensor.rows != y.rows or tensor.columns != y.columns):
                raise ValueError(f"GatherLabels: expected a weight for each label of {y!r}, got {tensor!r}")
        port.trial = partial(trial.labels, classes)
        self.port, self.classes, self.what, self.y = port, classes, what, <int32_t *> y.data
        self.weight, self.kept, self.ignored = floats(weight), floats(kept), NAN if ignore is None else ignore
        self.lengths = counts("GatherLabels", lengths, y.rows)
        self.bind((y, weight, kept, lengths))

    cdef Py_ssize_t take(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t i, count, bad = -1, n = self.port.columns, first = self.state.first
        if self.lengths == NULL:
            bad = self.labels(rows, n, first + row, self.y + row * n)
        else:
            for i in range(row, row + rows):
                count = min(n, <Py_ssize_t> self.lengths[i])
                bad = self.labels(1, count, first + i, self.y + i * n)
                if bad >= 0:
                    bad += (i - row) * n
                    break
                memset(self.y + i * n + count, 0, 4 * (n - count))
        if self.kept != NULL and bad < 0:
            for i in range(row * n, (row + rows) * n):
                self.kept[i] = 1 if self.weight == NULL else self.weight[i]
                if self.y[i] < 0:
                    self.y[i], self.kept[i] = 0, 0
        return bad

    cdef Py_ssize_t labels(self, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t first, int32_t *y) noexcept nogil:
        """Gathers the first n labels of rows into y; the position of a bad one in it, or -1."""
        return self.table.gather_labels(
            rows, n, self.classes, &self.port.source, first, self.state.order, self.ignored, y
        )

    def complain(self, place: int) -> Exception:
        row, position = divmod(place, self.port.columns)
        return ValueError(
            f"{self.where(row, position)} is {self.given(row, position)}; "
            f"expected an integer {self.what} from 0 to {self.classes - 1}"
            + ("" if self.kept == NULL else f", or {self.ignored:.0f} for none")
        )


cdef class Scatter(Op):
    """The port's rows = x, (rows, columns): float32, or int32 class numbers into an int64 array."""

    cdef Port port
    cdef const char *x

    def __init__(self, Tensor x, Port port) -> None:
        if x.columns != port.columns or x.dtype not in ("float32", "int32"):
            raise ValueError(f"Scatter: {port.name} has rows of {port.columns} elements, x is {x!r}")
        port.claim("float32" if x.dtype == "float32" else "int64")
        self.port, self.x = port, <const char *> x.data
        self.bind((x,))

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i, n = self.state.rows * self.port.columns, first = self.state.first * self.port.columns
        if self.state.first + self.state.rows > self.port.rows:
            self.fail(OUT_OF_REACH)
        elif self.port.source.type == csrc.fastnn_float32:
            memcpy(<char *> self.port.source.data + 4 * first, self.x, 4 * n)
        else:
            for i in range(n):
                (<int64_t *> self.port.source.data)[first + i] = (<const int32_t *> self.x)[i]

    def explain(self, place: int) -> Exception:
        return ValueError(f"{self.port.name}: {self.port.rows} rows are attached, and the run has more results")
