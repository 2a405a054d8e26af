from libc.stdint cimport int32_t

from fastnn.engine.op cimport Op
from fastnn.kernels.gather cimport Gathered


cdef class Steps(Gathered):
    cdef int32_t *ends         # the length of each row's sequence, while the run gathers
    cdef Py_ssize_t *memory    # shared by all arrays below
    cdef Py_ssize_t *start     # of each time, in steps
    cdef Py_ssize_t *present   # sequences that have it
    cdef Py_ssize_t *row       # at each place: places go by descending length
    cdef Py_ssize_t *length_at  # that of its sequence
    cdef Py_ssize_t laid       # rows that the layout is for, 0 where it depends on the data
    cdef Py_ssize_t total      # steps in all
    cdef Py_ssize_t longest
    cdef readonly Py_ssize_t times
    cdef void lay(self) noexcept nogil
    cdef void lay_full(self) noexcept nogil
    cdef void check_rows(self, op, Py_ssize_t rows) except *
    cdef inline Py_ssize_t length_of(self, Py_ssize_t place) noexcept nogil:
        return self.length_at[place]
    cdef tuple origin(self, Py_ssize_t row)
    cpdef void lead(self, Op op) except *
