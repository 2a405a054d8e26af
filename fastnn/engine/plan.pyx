"""Plan: a flat list of Ops that runs without the GIL."""

import weakref
from contextlib import nullcontext
from collections.abc import Sequence

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

cimport numpy as cnp
import numpy as np

from fastnn.engine cimport thread_count, thread_team
from fastnn.engine.native cimport closing, enough_stack, leave_interpreter, return_to_interpreter
from fastnn.engine.op cimport NANOSECONDS_WITH_GIL, Op, Run, State, seconds
from fastnn.engine.port cimport Port
from fastnn.engine.tensor cimport Tensor

from fastnn.common import checks
from fastnn.engine.op import peak
from fastnn.engine.profile import OpProfile, Profile

cnp.import_array()


_FREE = nullcontext()

cdef enum:
    LEAST_SHARED = 2000  # nanoseconds of a frozen network's run whose ops may be worth two threads

cdef double _NO_RATE = 0


cdef double clock_cost() noexcept nogil:
    """Seconds between two reads of the clock."""
    cdef double start, cost = INFINITY
    for _ in range(100):
        start = seconds()
        cost = min(cost, seconds() - start)
    return cost


cdef str described(object array):
    return f"{array.dtype} {array.size}"


@cython.final
cdef class Plan:
    """A list of Ops that share one Run.

    ports: where users' arrays enter and leave. kept: what a run changes permanently (parameters, slots); `profile`
    restores it.
    """

    def __init__(
        self, ops: Sequence[Op], ports: Sequence[Port] = (), kept: Sequence[Tensor] = (), nbytes: int = 0
    ) -> None:
        cdef Op op
        if self.table != NULL:
            raise RuntimeError("a Plan cannot be initialized twice")
        ops = tuple(checks.listed("ops", ops, Op, "Ops"))
        ports = tuple(checks.listed("ports", ports, Port, "Ports"))
        kept = tuple(checks.listed("kept", kept, Tensor, "Tensors"))
        if not ops:
            raise ValueError("a Plan needs at least one Op")
        for op in ops:
            if op.plan is not None and op.plan() is not None:
                raise ValueError(f"{op!r} already belongs to a plan")
            if op.capacity < ops[0].capacity:
                raise ValueError(f"{op!r} does not have the {ops[0].capacity} rows of the plan")
        self.table = <void **> malloc(len(ops) * sizeof(void *))
        if self.table == NULL:
            raise MemoryError
        self.ops, self.ports, self.kept, self.nbytes = ops, ports, kept, nbytes
        self.count, self.capacity = len(ops), ops[0].capacity
        self.shared = State()
        self.shared.run.rows = self.capacity
        for i, op in enumerate(ops):
            op.join(self.shared, weakref.ref(self))
            self.table[i] = <void *> op
            self.nanoseconds += 20 + op.work() / op.pace

    def __dealloc__(self) -> None:
        free(self.table)

    cdef void begin(self) except *:
        """Claims the Run for this thread."""
        if self.shared.run.running:
            raise RuntimeError("this plan is running in another thread")
        enough_stack()
        cdef Port port
        for port in self.ports:
            port.busy = True
        self.shared.run.running = True
        # If no op can be worth two threads, none needs to check.
        self.shared.run.threads = thread_team.size_for(self.nanoseconds, thread_count.allowed())
        self.shared.run.failed = NULL

    cdef void end(self) noexcept:
        """Releases it, and all pointers into the caller's arrays."""
        cdef Port port
        for port in self.ports:
            port.busy = False
        self.shared.run.order = NULL
        self.shared.run.rate = NULL
        self.shared.run.running = False

    cdef void advance(self, Py_ssize_t samples, Py_ssize_t batch, double pause) noexcept nogil:
        """Steps of `batch` rows from `position` on, until the last or the first step's end after `pause` seconds."""
        cdef Run *run = &self.shared.run
        cdef Py_ssize_t i
        cdef bint timed = 0 < pause < INFINITY  # reading the clock costs as much as a small op
        cdef double until = seconds() + pause if timed else pause
        while self.position < samples:
            run.first = self.position
            run.rows = min(batch, samples - self.position)
            for i in range(self.count):
                (<Op> self.table[i]).run()
                if run.failed != NULL:
                    return
            self.position += run.rows
            run.step += 1
            if run.rate != NULL:  # the step was an update
                run.rate += 1
                run.update += 1
            if pause == 0 or (timed and (closing() or seconds() >= until)):
                return

    cdef void once(
        self, Py_ssize_t rows, const int64_t *order, const double *rate, uint64_t step, uint64_t update
    ) except *:
        """One step on the first rows of the arrays that are attached, or those of an order; no more than capacity."""
        cdef Run *run = &self.shared.run
        self.begin()
        run.order, run.rate, run.step, run.update = order, rate, step, update
        self.position = 0
        try:
            self.advance_alone(rows, rows, 0, self.nanoseconds)
            self.check()
        finally:
            self.end()

    cdef int run_frozen(self, Py_ssize_t rows, Py_ssize_t batch, double nanoseconds) except -1:
        """All rows, of a frozen network: its ports point to them, no other thread runs it. nanoseconds: estimated."""
        cdef Run *run = &self.shared.run
        enough_stack()
        self.position, run.failed, run.threads = 0, NULL, 1
        if nanoseconds < LEAST_SHARED:
            self.advance_alone(rows, batch, INFINITY, nanoseconds)
        else:
            run.threads = thread_team.call_helper(nanoseconds, thread_count.allowed())
            try:
                self.advance_alone(rows, batch, INFINITY, nanoseconds)
            finally:
                thread_team.dismiss_helper(nanoseconds)
        return self.check() if run.failed != NULL else 0

    cdef int advance_alone(self, Py_ssize_t samples, Py_ssize_t batch, double pause, double nanoseconds) except -1:
        """`advance`, without the GIL if the run is long enough."""
        if nanoseconds < NANOSECONDS_WITH_GIL:
            self.advance(samples, batch, pause)
            return 0
        leave_interpreter()
        with nogil:
            self.advance(samples, batch, pause)
        return_to_interpreter()
        return 0

    cdef int check(self) except -1:
        """Raises what an op found wrong in the data."""
        if self.shared.run.failed != NULL:
            raise (<Op> self.shared.run.failed).explain(self.shared.run.place)
        return 0

    @property
    def inputs_only(self) -> bool:
        """Whether a run computes no gradients of parameters."""
        return self.shared.run.inputs_only

    @inputs_only.setter
    def inputs_only(self, value: bool) -> None:
        self.shared.run.inputs_only = value

    def limit(self, Py_ssize_t count) -> None:
        """Lets a run consist of the first `count` ops. Raises ValueError unless there are as many."""
        if not 1 <= count <= len(self.ops):
            raise ValueError(f"a run of this plan has 1 to {len(self.ops)} ops, not {count}")
        self.count = count

    def run(
        self,
        Py_ssize_t samples,
        Py_ssize_t batch,
        Py_ssize_t first=0,
        cnp.ndarray order=None,
        cnp.ndarray rates=None,
        uint64_t step=0,
        uint64_t update=0,
        double pause=0.05,
    ) -> int:
        """Runs steps of up to `batch` rows over samples first..samples-1 of the attached arrays, about `pause` seconds.

        order: int64 (samples,), the rows to take; rates: float64, a learning rate for each step. step, update: counters
        of the first step. Returns the first sample not done (also `position`). Raises ValueError for sizes that do not
        fit, and the error of an Op that found invalid data: the steps before that one are done.
        """
        cdef Run *run = &self.shared.run
        cdef Port port
        self.position = first
        if not (0 < batch <= self.capacity and 0 <= first < samples):
            raise ValueError(f"cannot run samples {first} to {samples} in batches of {batch}, at most {self.capacity}")
        if order is not None and (
            cnp.PyArray_TYPE(order) != cnp.NPY_INT64
            or not cnp.PyArray_ISCARRAY_RO(order)
            or cnp.PyArray_SIZE(order) < samples
        ):
            raise ValueError(f"expected an int64 order of {samples} rows, got {described(order)}")
        if rates is not None and (
            cnp.PyArray_TYPE(rates) != cnp.NPY_FLOAT64
            or not cnp.PyArray_ISCARRAY_RO(rates)
            or cnp.PyArray_SIZE(rates) < (samples - first + batch - 1) // batch
        ):
            raise ValueError(f"expected a float64 learning rate for each step, got {described(rates)}")
        for port in self.ports:  # an order's rows are checked when they are gathered
            if (order is None or port.out is not None) and port.rows < samples:
                raise ValueError(f"{port.name}: {port.rows} rows are attached, the run needs {samples}")
        with _FREE if self.guard is None else self.guard.changing("Plan.run"):
            self.begin()
            try:
                if order is not None:
                    run.order = <const int64_t *> cnp.PyArray_DATA(order)
                if rates is not None:
                    run.rate = <const double *> cnp.PyArray_DATA(rates)
                run.step, run.update = step, update
                self.advance_alone(samples, batch, pause, self.nanoseconds if samples - first <= batch else INFINITY)
                self.check()
            finally:
                self.end()
        return self.position

    def profile(self, repeats: int = 50) -> Profile:
        """Times the ops of a step at full capacity on random numbers, and a whole step: the fastest of `repeats`.

        Parameters, slots and meters are restored afterwards. Returns a Profile: a row for each op, printable. Raises
        ValueError for repeats < 1.
        """
        checks.integer("repeats", repeats)
        with _FREE if self.guard is None else self.guard.changing("profile"):
            best, step = self.timed(repeats)
        profiles = [OpProfile(repr(op), t, op.flops, op.nbytes) for op, t in zip(self.ops, best, strict=True)]
        return Profile(self.capacity, profiles, step, peak(20))

    cdef tuple timed(self, Py_ssize_t repeats):
        """Runs `fastest` on arrays of its own, and restores all that a run changes."""
        attached = [port.array for port in self.ports]
        kept = [tensor.array.copy() for tensor in self.kept]
        measured = [(op, op.measured) for op in self.ops if hasattr(op, "measured")]
        generator = np.random.default_rng(0)
        try:
            for port in self.ports:
                port.attach(port.trial_array(generator, self.capacity))
            self.begin()
            try:
                return self.fastest(repeats)
            finally:
                self.end()
        finally:
            for tensor, array in zip(self.kept, kept, strict=True):
                tensor.array[...] = array
            for op, values in measured:
                op.measured = values
            for port, array in zip(self.ports, attached, strict=True):
                if array is None:
                    port.detach()
                else:
                    port.attach(array)

    cdef tuple fastest(self, Py_ssize_t repeats):
        """The seconds of each op in the fastest step timed op by op, and those of the fastest step timed as a whole."""
        cdef double *marks = <double *> malloc((self.count + 1) * sizeof(double))
        cdef double start, total, step = INFINITY, best = INFINITY, clock = clock_cost()
        if marks == NULL:
            raise MemoryError
        try:
            for _ in range(repeats):
                leave_interpreter()
                with nogil:
                    self.rewind()
                    start = seconds()
                    self.advance(self.capacity, self.capacity, 0)
                    step = min(step, seconds() - start - clock)
                    self.rewind()
                    self.mark(marks)
                return_to_interpreter()
                self.check()
                total = marks[self.count] - marks[0]
                if total < best:
                    best = total
                    times = [max(0.0, marks[i + 1] - marks[i] - clock) for i in range(self.count)]
                PyErr_CheckSignals()
        finally:
            free(marks)
        return times, max(0.0, step)

    cdef void rewind(self) noexcept nogil:
        """Rewinds to the first sample. A learning rate of 0 keeps the parameters: all steps do the same work."""
        self.position, self.shared.run.rate = 0, &_NO_RATE

    cdef void mark(self, double *marks) noexcept nogil:
        """One step, and the time before each op and at the end."""
        cdef Run *run = &self.shared.run
        cdef Py_ssize_t i
        run.first, run.rows = 0, self.capacity
        for i in range(self.count):
            marks[i] = seconds()
            if run.failed == NULL:
                (<Op> self.table[i]).run()
        marks[self.count] = seconds()
        run.step += 1

    def __reduce__(self) -> tuple:
        raise TypeError("a Plan is bound to memory of this process and cannot be copied; net.plan() makes another")

    def __repr__(self) -> str:
        return "\n".join([f"Plan of {self.count} ops, {self.capacity} rows, {self.nbytes} bytes", *map(repr, self.ops)])
