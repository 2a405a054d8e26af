"""Guards against conflicting uses of a network: one thread that changes it, or any number that read it.

Calls do not block: a conflicting call raises RuntimeError. The thread that changes it may read, and assign weights,
meanwhile (in a callback). All state is changed with the GIL held and no Python call between, so there is no lock, and
a forked child, where the other threads do not exist, only has to reset the count.
"""

from collections.abc import Sequence

cimport cython

from fastnn.engine cimport thread_team

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident()


@cython.final
cdef class Guard:
    """Reserves a network for the thread that changes it. inner: the guards of its sub-networks, held with it."""

    def __init__(self, inner: Sequence[Guard] = ()) -> None:
        cdef Guard guard
        if inner:
            self.inner = tuple(dict.fromkeys([each for guard in inner for each in (guard, *(guard.inner or ()))]))

    def changing(self, str action, bint nested = False) -> Hold:
        """A context that holds the network for a change. nested: also from inside another change by this thread."""
        return hold(self, action, True, nested)

    def reading(self, str action) -> Hold:
        """A context that holds the network against changes by other threads."""
        return hold(self, action, False, True)

    cdef unsigned long check(self, str action) except 0:
        """This thread, if no other one is changing the network."""
        cdef unsigned long me = PyThread_get_thread_ident()
        cdef int process = thread_team.forks()
        if self.process != process:
            self.process, self.readers = process, 0
            if self.owner != me:
                self.owner = 0
        if self.owner != 0 and self.owner != me:
            raise RuntimeError(
                f"{action}: another thread is in {self.doing} of this network; "
                "net.freeze() returns a function that any thread may call"
            )
        return me


@cython.final
cdef class Hold:
    """A `with` block that holds a Guard."""

    def __enter__(self) -> None:
        self.enter()

    def __exit__(self, *exception: object) -> None:
        self.let_go()

    cdef void enter(self) except *:
        self.take()
        if self.guard.inner is not None:
            self.take_inner()

    cdef void take_inner(self) except *:
        cdef Guard guard
        cdef Hold inner
        self.inner = []
        for guard in self.guard.inner:
            inner = hold(guard, self.action, self.change, self.nested)
            try:
                inner.take()
            except BaseException:
                self.let_go()
                raise
            self.inner.append(inner)

    cdef void take(self) except *:
        cdef Guard guard = self.guard
        cdef unsigned long me = guard.check(self.action)
        if not self.change:
            self.counted = guard.owner == 0
            guard.readers += self.counted
            return
        if guard.readers:
            raise RuntimeError(
                f"{self.action}: another call is reading this network, such as predict or save; wait until it returns"
            )
        if guard.owner and not self.nested:
            raise RuntimeError(f"{self.action}: cannot be called inside {guard.doing} of the same network")
        self.outer_owner, self.outer_doing = guard.owner, guard.doing
        guard.owner, guard.doing = me, self.action

    cdef void let_go(self) except *:
        cdef Hold inner
        if self.inner is not None:
            for inner in self.inner:
                inner.let_go()
            self.inner = None
        if self.change:
            self.guard.owner, self.guard.doing = self.outer_owner, self.outer_doing
        else:
            self.guard.readers -= self.counted


cdef Hold hold(Guard guard, str action, bint change, bint nested):
    cdef Hold made = Hold.__new__(Hold)  # without arguments: with them it costs three times as much
    made.guard, made.action, made.change, made.nested = guard, action, change, nested
    return made
