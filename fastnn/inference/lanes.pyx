"""Lanes: the plans of a frozen network, and how the rows of a call are divided among them."""

cimport cython
from cpython.weakref cimport PyWeakref_NewRef
from libc.math cimport INFINITY
from libc.stdlib cimport free, malloc

cimport numpy as cnp

from fastnn.engine cimport thread_count, thread_team
from fastnn.engine.native cimport enough_stack, leave_interpreter, return_to_interpreter
from fastnn.engine.op cimport NANOSECONDS_WITH_GIL
from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port

from fastnn.inference.frozen import CLASSIFY, PREDICT
from fastnn.inference.spec import Spec

cnp.import_array()

cdef enum:
    LANE_ROWS = 128    # of a lane: its activations stay in a core's L2 cache
    FEWEST_ROWS = 16   # of a thread: with fewer, the products are parallelized instead


@cython.final
cdef class Lane:
    """A plan with an arena of its own, for one thread at a time.

    x: the port of the first input. out: that of the last output. others: those between, of several inputs and outputs.
    """

    def __cinit__(self, Plan plan) -> None:
        cdef Py_ssize_t last = len(plan.ports) - 1
        self.plan, self.x, self.out = plan, plan.ports[0], plan.ports[last]
        self.others = plan.ports[1:last]

    cdef void point(self, cnp.ndarray x, cnp.ndarray out, tuple others, Py_ssize_t rows) noexcept:
        cdef Py_ssize_t i
        self.x.point(x, rows)
        self.out.point(out, rows)
        if others is not None:
            for i in range(len(others)):
                (<Port> self.others[i]).point(<cnp.ndarray> others[i], rows)


@cython.final
cdef class Lanes:
    """Lanes of one request on one snapshot of the parameters.

    results: the Spec of each output. leased: not 0 while calls need the snapshot as it is.
    """

    def __cinit__(self, request, snapshot, Py_ssize_t rows) -> None:
        self.request, self.snapshot, self.rows, self.more = request, snapshot, rows, []
        program = snapshot.program(request, rows)
        self.free = Lane(program.plan)
        cdef list found = program.empty(1)
        cdef Py_ssize_t first = len(self.free.plan.ports) - len(found)
        self.results = [
            Spec(port.name, array.shape[1:], array.dtype)
            for port, array in zip(self.free.plan.ports[first:], found, strict=True)
        ]
        self.nanoseconds = self.free.plan.nanoseconds / rows

    cdef Lane lane(self):
        return Lane(self.snapshot.program(self.request, self.rows).plan)

    cdef Lane lease(self):
        cdef Lane lane = self.free  # one idle lane: faster than a list
        self.leased += 1
        if lane is not None:
            self.free = None
            return lane
        try:
            return self.more.pop() if self.more else self.lane()
        except BaseException:
            self.leased -= 1
            raise

    cdef int give_back(self, Lane lane) except -1:
        self.leased -= 1
        if self.free is None:
            self.free = lane
        else:
            self.more.append(lane)
        return 0

    cdef int run(self, cnp.ndarray x, cnp.ndarray out, tuple others, Py_ssize_t rows) except -1:
        """Computes rows of out from x. others: the arrays between, of several inputs and outputs, or None."""
        if rows * self.nanoseconds < NANOSECONDS_WITH_GIL:
            return self.alone(x, out, others, rows)
        return self.shared(x, out, others, rows)

    cdef int alone(self, cnp.ndarray x, cnp.ndarray out, tuple others, Py_ssize_t rows) except -1:
        """All rows on one lane, whose ops may use several threads."""
        cdef Lane lane = self.lease()
        try:
            lane.point(x, out, others, rows)
            lane.plan.run_frozen(rows, self.rows, rows * self.nanoseconds)
        finally:
            self.give_back(lane)
        return 0

    cdef int shared(self, cnp.ndarray x, cnp.ndarray out, tuple others, Py_ssize_t rows) except -1:
        """Without the GIL, on as many lanes as pay off for the rows."""
        cdef int most = thread_count.allowed()
        cdef int size = thread_team.size_for(rows * self.nanoseconds, <int> min(<Py_ssize_t> most, rows // FEWEST_ROWS))
        cdef Crew crew = Crew(NULL, rows, 0)
        cdef list lanes = []
        cdef Lane lane
        cdef int i
        self.leased += 1
        try:
            # While these references exist, NumPy refuses to resize the arrays.
            _held = [PyWeakref_NewRef(array, None) for array in (x, out, *(others or ()))]
            if size <= 1:
                return self.alone(x, out, others, rows)
            enough_stack()
            crew.plans = <void **> malloc(size * sizeof(void *))
            if crew.plans == NULL:
                raise MemoryError
            for i in range(size):
                lane = self.lease()
                lanes.append(lane)
                lane.point(x, out, others, rows)
                lane.plan.shared.run.threads, lane.plan.shared.run.failed = 1, NULL
                crew.plans[i] = <void *> lane.plan
            crew.step = min(self.rows, max(<Py_ssize_t> FEWEST_ROWS, (rows + size - 1) // size))
            leave_interpreter()
            with nogil:
                thread_team.share(size, (rows + crew.step - 1) // crew.step, run_step, &crew)
            return_to_interpreter()
            for lane in lanes:
                lane.plan.check()
        finally:
            self.leased -= 1
            free(crew.plans)
            for lane in lanes:
                self.give_back(lane)
        return 0


cdef struct Crew:
    void **plans    # of each thread
    Py_ssize_t rows, step


cdef void run_step(void *context, Py_ssize_t index, Py_ssize_t parts, int thread) noexcept nogil:
    """Rows index * step.. on the thread's plan."""
    cdef Crew *crew = <Crew *> context
    (<Plan> crew.plans[thread]).position = index * crew.step
    (<Plan> crew.plans[thread]).advance(min(crew.rows, (index + 1) * crew.step), crew.step, INFINITY)


@cython.final
cdef class Bank:
    """A snapshot of the parameters and the lanes that read it; a call uses the same bank from start to end.

    holds: whatever else needs the snapshot as it is.
    """

    def __cinit__(self, snapshot, Py_ssize_t most) -> None:
        self.snapshot, self.rows = snapshot, min(most, LANE_ROWS)
        self.predicting = Lanes(PREDICT, snapshot, self.rows)

    cdef bint busy(self) noexcept:
        return self.holds or self.predicting.leased or (self.classifying is not None and self.classifying.leased)

    cdef Lanes lanes_for_classes(self):
        """The lanes that find classes, made when they are needed first."""
        if self.classifying is None:
            self.holds += 1
            try:
                self.classifying = Lanes(CLASSIFY, self.snapshot, self.rows)
            finally:
                self.holds -= 1
        return self.classifying
