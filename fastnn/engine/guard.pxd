cimport cython


@cython.final
cdef class Guard:
    cdef unsigned long owner
    cdef str doing
    cdef int readers, process
    cdef readonly tuple inner  # type: tuple[Guard, ...] | None  # each once, at any depth
    cdef unsigned long check(self, str action) except 0


@cython.final
cdef class Hold:
    cdef Guard guard
    cdef str action
    cdef bint change, nested, counted
    cdef unsigned long outer_owner
    cdef str outer_doing
    cdef list inner  # the guards of sub-networks that it holds, or None
    cdef void enter(self) except *
    cdef void take(self) except *
    cdef void take_inner(self) except *
    cdef void let_go(self) except *


cdef Hold hold(Guard guard, str action, bint change, bint nested)
