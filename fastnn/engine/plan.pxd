cimport cython
from libc.stdint cimport int64_t, uint64_t

from fastnn.engine.op cimport State


@cython.final
cdef class Plan:
    cdef readonly tuple ops    # type: tuple[Op, ...]
    cdef readonly tuple ports  # type: tuple[Port, ...]
    cdef readonly tuple kept   # type: tuple[Tensor, ...]
    cdef readonly Py_ssize_t capacity
    cdef readonly Py_ssize_t position  # the first sample that the last run has not done
    cdef readonly Py_ssize_t nbytes    # of the arena
    cdef State shared
    cdef void **table
    cdef Py_ssize_t count
    cdef double nanoseconds            # of a run at capacity, estimated
    cdef public object guard           # type: Guard | None  # held while a run changes what is in kept
    cdef object __weakref__
    cdef void begin(self) except *
    cdef void end(self) noexcept
    cdef void once(
        self, Py_ssize_t rows, const int64_t *order, const double *rate, uint64_t step, uint64_t update
    ) except *
    cdef void advance(self, Py_ssize_t samples, Py_ssize_t batch, double pause) noexcept nogil
    cdef int run_frozen(self, Py_ssize_t rows, Py_ssize_t batch, double nanoseconds) except -1
    cdef int advance_alone(self, Py_ssize_t samples, Py_ssize_t batch, double pause, double nanoseconds) except -1
    cdef int check(self) except -1
    cdef tuple timed(self, Py_ssize_t repeats)
    cdef tuple fastest(self, Py_ssize_t repeats)
    cdef void rewind(self) noexcept nogil
    cdef void mark(self, double *marks) noexcept nogil
