cimport cython
cimport numpy as cnp

from fastnn.engine.plan cimport Plan
from fastnn.kernels.meter cimport Meter
from fastnn.model.counters cimport Counters


@cython.final
cdef class Program:
    cdef readonly object request  # type: Request
    cdef readonly Plan plan
    cdef readonly dict meters  # type: dict[str, Meter]
    cdef readonly dict weights  # type: dict[str, float]
    cdef readonly list states  # type: list[Tensor]
    cdef readonly list records  # type: list[Record]
    cdef list outputs  # of (shape, dtype)
    cdef Meter loss    # of the one output, or None
    cdef object rates  # an array of the same rate
    cdef double rate   # which is this
    cdef object turns  # the Turns that it belongs to, or None
    cdef void bind(self, tuple arrays) except *
    cdef void release(self) except *
    cpdef list empty(self, Py_ssize_t rows)
    cdef double step(self, Py_ssize_t rows, cnp.ndarray order, object optimizer, Counters counters) except? -1
    cdef double next_rate(self, object optimizer, Counters counters) except? -1
    cdef void resume(self, list states, Py_ssize_t rows) except *
    cdef dict logs(self, dict measured)
