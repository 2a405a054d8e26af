"""Rows of a table by number, and the gradient of the table."""

from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats


cdef class Lookup(Op):
    """An op on a table (ids, columns) and the numbers of its rows, int32 (rows, 1). padding: a number, -1 for none."""

    cdef const int32_t *ids
    cdef float *values  # (rows, columns)
    cdef float *table_of_values
    cdef Py_ssize_t columns, vocabulary, padding

    def __cinit__(self) -> None:
        self.pace = 1.0

    def take(self, Tensor ids, Tensor table, Tensor values, padding: int | None) -> None:
        if ids.dtype != "int32" or ids.columns != 1 or ids.rows != values.rows or table.columns != values.columns:
            raise ValueError(
                f"{type(self).__name__}: ids {ids.shape} {ids.dtype}, table {table.shape} and rows {values.shape} "
                "do not fit"
            )
        if padding is not None and not 0 <= padding < table.rows:
            raise ValueError(f"{type(self).__name__}: padding must be an id from 0 to {table.rows - 1}, got {padding}")
        self.ids, self.values, self.table_of_values = <const int32_t *> ids.data, floats(values), floats(table)
        self.columns, self.vocabulary = table.columns, table.rows
        self.padding = -1 if padding is None else padding
        self.bind((ids, table, values))

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.columns


cdef class Embedding(Lookup):
    """y_i = table[id_i], or zeros for the padding. ids int32 (rows, 1), table (vocabulary, columns), y (rows, columns).

    An id outside the table is an error.
    """

    def __init__(self, Tensor ids, Tensor table, Tensor y, *, padding: int | None = None) -> None:
        self.take(ids, table, y, padding)

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.present_rows()):
            if not 0 <= self.ids[i] < self.vocabulary:
                self.fail(i)
                return
        Op.run(self)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t i, n = self.columns, rows = self.present_rows(), end = rows * (index + 1) // parts
        for i in range(rows * index // parts, end):
            if self.ids[i] == self.padding:
                memset(self.values + i * n, 0, 4 * n)
            else:
                memcpy(self.values + i * n, self.table_of_values + self.ids[i] * n, 4 * n)

    def explain(self, place: int) -> Exception:
        return ValueError(f"Embedding: id {self.ids[place]} is not from 0 to {self.vocabulary - 1}")


cdef class EmbeddingGradient(Lookup):
    """dtable[id] = the sum of dy_i over the rows with that id, from first to last; 0 for the padding.

    ids int32 (rows, 1), dy (rows, columns), dtable (vocabulary, columns). With add, it accumulates. A thread has its
    own ids, so that the order of a sum is that of the rows.
    """

    cdef bint add

    def __init__(
        self, Tensor ids, Tensor dy, Tensor dtable, *, padding: int | None = None, add: bool = False
    ) -> None:
        self.take(ids, dtable, dy, padding)
        self.add = add

    cdef void run(self) noexcept nogil:
        if not self.state.inputs_only:
            Op.run(self)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t i, n = self.columns
        cdef Py_ssize_t first = self.vocabulary * index // parts, end = self.vocabulary * (index + 1) // parts
        cdef float *sum
        if not self.add:
            memset(self.table_of_values + first * n, 0, 4 * (end - first) * n)
        for i in range(self.present_rows()):
            if first <= self.ids[i] < end and self.ids[i] != self.padding:
                sum = self.table_of_values + self.ids[i] * n
                self.table.add(n, sum, self.values + i * n, sum)

    cdef double work(self) noexcept nogil:
        return (self.present_rows() + self.vocabulary) * self.columns
