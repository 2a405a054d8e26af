cimport cython


@cython.final
cdef class SumTree:
    cdef readonly object array  # type: np.ndarray
    cdef Py_ssize_t leaves
    cdef double *sums
    cdef void set(self, Py_ssize_t leaf, double value) noexcept nogil
    cdef double value(self, Py_ssize_t leaf) noexcept nogil
    cdef double total(self) noexcept nogil
    cdef Py_ssize_t find(self, double share) noexcept nogil
