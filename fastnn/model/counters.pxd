cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Counters:
    cdef readonly int64_t epoch, step, update
    cdef void trained(self, int64_t steps) noexcept
