cimport numpy as cnp

from fastnn.engine cimport csrc


cpdef bint takes(object array)
cpdef bint reads(object array)
cpdef bint is_batch(object array, object features)


cdef class Port:
    cdef csrc.fastnn_array source  # no data while nothing is attached
    cdef int out_type
    cdef bint busy              # while a plan runs, which reads data without the GIL
    cdef readonly object array  # type: np.ndarray | None
    cdef object reference, elements
    cdef public object samples  # type: np.ndarray | None
    cdef readonly Py_ssize_t rows, columns
    cdef readonly Py_ssize_t most  # elements of a row, where the array says how many; else 0
    cdef readonly str name
    cdef readonly str out      # type: str | None
    cdef public object trial   # type: Callable[[np.random.Generator, tuple[int, int]], np.ndarray] | None
    cdef public object prepare  # type: Callable[[int], None] | None
    cdef void check_idle(self) except *
    cpdef void attach(self, object array) except *
    cpdef void detach(self) except *
    cdef void point(self, cnp.ndarray array, Py_ssize_t rows) noexcept
    cdef void lay_out(self, object array) except *
