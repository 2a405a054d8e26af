"""Rows of a file, read by the engine's threads: for a page, that takes less time than mapping it and giving it back."""

from collections.abc import Sequence

from libc.stdint cimport int64_t

cimport numpy as cnp

import numpy as np

from fastnn.engine.native cimport leave_interpreter, return_to_interpreter
from fastnn.engine.thread_count cimport allowed
from fastnn.engine.thread_team cimport share, size_for

cdef extern from *:
    """
    #ifdef _WIN32
    #define pread(file, to, size, place) (-1)
    #else
    #include <unistd.h>
    #endif
    """
    Py_ssize_t pread(int file, void *to, size_t size, int64_t place) noexcept nogil

cnp.import_array()

cdef double NANOSECONDS = 800  # about what reading a row takes


cdef struct Reading:
    int file
    char *to
    const int64_t *rows
    Py_ssize_t count, size
    int64_t place, stride
    Py_ssize_t missing  # a row that could not be read, or -1


cdef void read_part(void *context, Py_ssize_t index, Py_ssize_t parts, int thread) noexcept nogil:
    """Reads its share of the rows, those that follow each other in the file at once."""
    cdef Reading *given = <Reading *> context
    cdef Py_ssize_t i = given.count * index // parts, stop = given.count * (index + 1) // parts, run
    cdef int64_t place
    while i < stop:
        run = 1
        while i + run < stop and given.stride == given.size and given.rows[i + run] == given.rows[i] + run:
            run += 1
        place = given.place + given.rows[i] * given.stride
        if not read_whole(given.file, given.to + i * given.size, run * given.size, place):
            given.missing = i
            return
        i += run


cdef bint read_whole(int file, char *to, Py_ssize_t size, int64_t place) noexcept nogil:
    """Whether all these bytes could be read."""
    cdef Py_ssize_t got
    while size > 0:
        got = pread(file, to, size, place)
        if got <= 0:
            return False
        to += got
        place += got
        size -= got
    return True


def read_rows(int file, int64_t place, int64_t stride, rows: Sequence[int] | np.ndarray, out: np.ndarray) -> int:
    """Copies rows of a file into `out`, which is in C order; returns one that the file does not have, or -1.

    place: of row 0 in the file. stride: from a row to the next. rows: one for each row of `out`.
    """
    cdef cnp.ndarray wanted = np.ascontiguousarray(rows, np.int64)
    cdef cnp.ndarray to = out
    cdef Reading given = Reading(file, <char *> cnp.PyArray_DATA(to), <const int64_t *> cnp.PyArray_DATA(wanted),
                                 len(wanted), to.nbytes // max(1, len(wanted)), place, stride, -1)
    cdef int size = size_for(NANOSECONDS * len(wanted), allowed())
    leave_interpreter()
    with nogil:
        share(size, size, read_part, &given)
    return_to_interpreter()
    return -1 if given.missing < 0 else wanted[given.missing]
