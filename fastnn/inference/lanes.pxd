cimport cython
cimport numpy as cnp

from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port


@cython.final
cdef class Lane:
    cdef Plan plan
    cdef Port x, out
    cdef tuple others
    cdef void point(self, cnp.ndarray x, cnp.ndarray out, tuple others, Py_ssize_t rows) noexcept


@cython.final
cdef class Lanes:
    cdef object request, snapshot
    cdef list results
    cdef Py_ssize_t rows
    cdef double nanoseconds
    cdef Lane free
    cdef list more
    cdef int leased
    cdef Lane lane(self)
    cdef Lane lease(self)
    cdef int give_back(self, Lane lane) except -1
    cdef int run(self, cnp.ndarray x, cnp.ndarray out, tuple others, Py_ssize_t rows) except -1
    cdef int alone(self, cnp.ndarray x, cnp.ndarray out, tuple others, Py_ssize_t rows) except -1
    cdef int shared(self, cnp.ndarray x, cnp.ndarray out, tuple others, Py_ssize_t rows) except -1


@cython.final
cdef class Bank:
    cdef object snapshot
    cdef Py_ssize_t rows
    cdef int holds
    cdef Lanes predicting, classifying
    cdef bint busy(self) noexcept
    cdef Lanes lanes_for_classes(self)

    cdef inline Lanes lanes(self, bint classes):
        return self.lanes_for_classes() if classes else self.predicting
