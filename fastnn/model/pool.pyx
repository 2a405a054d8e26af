"""Pool: the programs that a network keeps between its runs."""

from collections.abc import Callable
from typing import Any

cimport cython
from libc.stdint cimport int64_t

cimport numpy as cnp
import numpy as np

from fastnn.engine.guard cimport Hold, hold
from fastnn.engine.port cimport is_batch
from fastnn.model.program cimport Program

from fastnn.model.turns import Turns

cnp.import_array()


cdef bint is_order(object rows, Py_ssize_t count) noexcept:
    """Whether it is an int64 array, in C order, of numbers of samples, of which there are `count`."""
    cdef Py_ssize_t i
    cdef const int64_t *order
    if not is_batch(rows, ()) or cnp.PyArray_TYPE(<cnp.ndarray> rows) != cnp.NPY_INT64:
        return False
    order = <const int64_t *> cnp.PyArray_DATA(<cnp.ndarray> rows)
    for i in range(cnp.PyArray_DIM(<cnp.ndarray> rows, 0)):
        if not 0 <= order[i] < count:
            return False
    return True


@cython.final
cdef class Pool:
    """The programs that a network keeps between its runs. make(net, request, rows) makes one."""

    cdef object make
    cdef Program latest  # a free one, or None: the one that a loop needs again
    cdef dict kept       # lists of the others that are free, by request
    cdef dict turns      # those for inputs of several lengths, by request without the lengths
    cdef list states     # from which `train` continues, or None; kept here, since the next step may use another program

    def __init__(self, make: Callable[..., Program]) -> None:
        self.make, self.kept, self.turns = make, {}, {}

    cpdef Program lease(self, object net, object request, Py_ssize_t rows):
        """A program of at least that many rows for one run: a kept one, or a clone while that is in use."""
        cdef Program program = self.latest  # taken in one step: another thread may take it too
        cdef list free
        if program is not None and (program.request is request or program.request == request):
            self.latest = None
        elif request.features:
            return self.lease_turn(net, request, rows)
        else:
            free = self.kept.get(request)
            program = free.pop() if free else None
        if program is not None and program.plan.capacity >= rows:
            return program
        program = None  # frees the old arena before the new one is made
        return self.make(net, request, rows)

    cdef Program lease_turn(self, object net, object request, Py_ssize_t rows):
        """The same for a network whose inputs have axes of any length: one program runs, the others wait."""
        cdef Program program
        turns = self.turns.setdefault(request._replace(features=()), Turns())
        if turns.busy:  # another thread runs one of them
            return self.make(net, request, rows)
        turns.busy = True
        try:
            program = turns.programs.get(request.features)
            if program is None or program.plan.capacity < rows:
                program = self.make(net, request, rows, turns.memory)
            turns.keep(program)
        except BaseException:
            turns.busy = False
            raise
        program.turns = turns
        return program

    cpdef void give_back(self, Program program) except *:
        """Keeps a leased program for the next run."""
        cdef Program before = self.latest
        program.release()
        if program.request.features:
            if program.turns is not None:
                program.turns.busy, program.turns = False, None
            return
        self.latest = program
        if before is not None:
            self.kept.setdefault(before.request, []).append(before)

    def predict(self, net: Any, array: np.ndarray, request: Request) -> np.ndarray:
        """The results for all rows of an array that fits, of a network with one input and one output.

        Compiled as a whole, as `train` is.
        """
        cdef Py_ssize_t rows = len(array)
        cdef Hold held = hold(net.guard, request.kind.value, False, True)
        cdef Program program
        cdef list found
        held.enter()
        try:
            program = self.lease(net, request, rows)
            try:
                found = program.empty(rows)
                program.bind((array, *found))
                program.run_all(rows, rows)
                return found[0]
            finally:
                self.give_back(program)
        finally:
            held.let_go()

    def train_quickly(
        self, net: Any, x: object, y: object, weight: object, choose: object, rows: object
    ) -> float | None:
        """`train` on arrays that it can take as they are; None where one of them has to be checked or converted first.

        weight: of each sample, or None. choose, rows: as `fit` takes them, or None.
        """
        cdef Py_ssize_t place = (weight is not None) + 2 * (choose is not None), count
        cdef tuple forms = net.quick
        if place >= len(forms):
            return None
        request, target, choice = forms[place]
        if not (is_batch(x, net.input_shape) and is_batch(y, target)):
            return None
        count = len(x)
        if len(y) != count or not (rows is None or is_order(rows, count)):
            return None
        arrays = [x, y]
        if weight is not None:
            if not is_batch(weight, ()) or len(weight) != count:
                return None
            arrays.append(weight)
        if choose is not None:
            if not is_batch(choose, choice) or len(choose) != count:
                return None
            arrays.append(choose)
        return self.held_step(net, tuple(arrays), request, rows)

    def train(self, net: Any, tuple arrays, request: Request, rows: np.ndarray | None = None) -> float:
        """Holds the network for one step on arrays that fit, all or an int64 array of their rows; returns its loss."""
        return self.held_step(net, arrays, request, rows)

    cdef double held_step(self, object net, tuple arrays, object request, cnp.ndarray rows) except? -1:
        """`train`, compiled as a whole: each call from Python would cost as much as an op of a small network."""
        cdef Py_ssize_t count = len(arrays[0]) if rows is None else len(rows)
        cdef Hold held = hold(net.guard, "train_on_batch", True, False)
        cdef Program program
        cdef double loss
        held.enter()
        try:
            program = self.lease(net, request, count)
            try:
                program.bind(arrays)
                if program.states:
                    program.resume(self.states, count)
                loss = program.step(count, rows, net.optimizer, net.counters)
                if program.states:
                    self.states = [state.array[:count].copy() for state in program.states]
                return loss
            finally:
                self.give_back(program)
        finally:
            held.let_go()

    def clear_states(self) -> None:
        """The next step of `train` starts from states of zero."""
        self.states = None

    def clear(self) -> None:
        """Drops all programs."""
        self.latest = self.states = None
        self.kept.clear()
        self.turns.clear()
