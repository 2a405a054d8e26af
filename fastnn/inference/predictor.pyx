"""Predictor: a frozen network for hot loops."""

from typing import Any

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.weakref cimport PyWeakref_NewRef
from libc.math cimport INFINITY
from libc.stdlib cimport free, malloc

cimport numpy as cnp
import numpy as np

from fastnn.engine cimport thread_count, thread_team
from fastnn.engine.native cimport enough_stack, leave_interpreter, return_to_interpreter
from fastnn.engine.op cimport NANOSECONDS_WITH_GIL
from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port, takes
from fastnn.engine.tensor cimport DIMENSIONS

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.inference.frozen import Snapshot, frozen_program

cnp.import_array()

cdef extern from "Python.h":
    """
    /* Calls of instances go to the function at `offset` of them, without a tuple of arguments (PEP 590). */
    static void fastnn_vectorcall(PyTypeObject *type, Py_ssize_t offset) {
        type->tp_vectorcall_offset = offset;
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    }
    """
    ctypedef PyObject *(*Vectorcall "vectorcallfunc")(PyObject *, PyObject **, size_t, PyObject *)
    void fastnn_vectorcall(PyTypeObject *type, Py_ssize_t offset)
    Py_ssize_t PyVectorcall_NARGS(size_t count)

cdef enum:
    LANE_ROWS = 128    # of a lane: its activations stay in a core's L2 cache
    FEWEST_ROWS = 16   # of a thread: with fewer, the products are parallelized instead


@cython.final
cdef class Lane:
    """A plan with an arena of its own, for one thread at a time."""

    cdef Plan plan
    cdef Port x, out

    def __cinit__(self, program) -> None:
        self.plan = program.plan
        self.x, self.out = program.plan.ports

    cdef void point(self, cnp.ndarray array, cnp.ndarray result, Py_ssize_t rows) noexcept:
        self.x.point(array, rows)
        self.out.point(result, rows)


@cython.final
cdef class Bank:
    """A snapshot of the parameters and the lanes that read it; a call uses the same bank from start to end."""

    cdef object net, snapshot
    cdef Py_ssize_t rows  # of a lane
    cdef Lane free        # an idle lane, or None: faster than a list of one
    cdef list others      # further idle lanes
    cdef int calls        # in progress, each with some of the lanes

    def __cinit__(self, net, Py_ssize_t rows) -> None:
        self.net, self.rows, self.snapshot = net, rows, Snapshot(net.blocks)
        self.free, self.others = self.lane(), []

    cdef Lane lane(self):
        return Lane(frozen_program(self.net, self.rows, self.snapshot))

    cdef Lane lease(self):
        cdef Lane lane = self.free
        if lane is not None:
            self.free = None
            return lane
        return self.others.pop() if self.others else self.lane()

    cdef void give_back(self, Lane lane) except *:
        if self.free is None:
            self.free = lane
        else:
            self.others.append(lane)


cdef struct Crew:
    void **plans    # of each thread
    Py_ssize_t rows, step


cdef void run_step(void *context, Py_ssize_t index, Py_ssize_t parts, int thread) noexcept nogil:
    """Rows index * step.. on the thread's plan."""
    cdef Crew *crew = <Crew *> context
    (<Plan> crew.plans[thread]).position = index * crew.step
    (<Plan> crew.plans[thread]).advance(min(crew.rows, (index + 1) * crew.step), crew.step, INFINITY)


@cython.final
cdef class Predictor:
    """A frozen network, made by `Network.freeze`: f = net.freeze(batch_size). Any thread may call it.

    f(x) computes the outputs, float32: for one x of the input's shape, an array of the output's shape; for x (n, ...)
    with n from 1 to batch_size, (n, ...), the bits that `predict` gives. f(x, out=out) writes into out, float32 in C
    order of exactly that shape, and returns it. An x or an out that does not fit raises TypeError or ValueError.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> f = fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=0).freeze(batch_size=2)
    >>> f(np.zeros(4, np.float32)).shape, f(np.zeros((2, 4), np.float32)).shape
    ((3,), (2, 3))
    """

    cdef readonly Py_ssize_t batch_size
    cdef readonly tuple input_shape, output_shape  # type: tuple[int, ...]
    cdef object net
    cdef Vectorcall vectorcall
    cdef Bank bank, spare
    cdef double nanoseconds  # of a row
    cdef int dimensions      # of a sample
    cdef cnp.npy_intp[DIMENSIONS] shape

    def __cinit__(self) -> None:
        self.vectorcall = <Vectorcall> call

    def __init__(self, net: Compiled, batch_size: int = 1) -> None:
        if self.net is not None:
            raise RuntimeError("a Predictor cannot be initialized twice")
        self.batch_size = checks.integer("batch_size", batch_size)
        self.bank = Bank(net, min(self.batch_size, LANE_ROWS))
        self.net, self.input_shape, self.output_shape = net, net.input_shape, net.output_shape
        self.dimensions = len(self.input_shape)
        for i, length in enumerate(self.input_shape):
            self.shape[i] = length
        self.nanoseconds = self.bank.free.plan.nanoseconds / self.bank.rows

    def __call__(self, x: Any, out: np.ndarray | None = None) -> np.ndarray:
        return self.predict(x, out)

    cdef cnp.ndarray predict(self, object x, object out):
        cdef cnp.ndarray array = x if takes(x) else arrays.packed(arrays.numbers("x", x)), result
        cdef cnp.npy_intp[DIMENSIONS] shape
        cdef int i, batch = cnp.PyArray_NDIM(array) - self.dimensions
        cdef bint fits = batch in (0, 1)
        cdef Py_ssize_t rows = 1
        if fits:
            for i in range(self.dimensions):
                fits &= cnp.PyArray_DIM(array, i + batch) == self.shape[i]
        if fits and batch:
            rows = shape[0] = cnp.PyArray_DIM(array, 0)
        if not (fits and 1 <= rows <= self.batch_size):
            raise self.refusal(array)
        cdef tuple tail = self.output_shape
        for i in range(len(tail)):
            shape[i + batch] = tail[i]
        if out is None:
            result = cnp.PyArray_EMPTY(batch + <int> len(tail), shape, cnp.NPY_FLOAT32, 0)
        else:
            result = out_of(out, batch + <int> len(tail), shape, array)
        cdef Bank bank = self.bank
        bank.calls += 1
        try:
            if rows * self.nanoseconds < NANOSECONDS_WITH_GIL:
                run_alone(bank, array, result, rows, rows * self.nanoseconds)
            else:
                self.run(bank, array, result, rows)
        finally:
            bank.calls -= 1
        return result

    cdef void run(self, Bank bank, cnp.ndarray array, cnp.ndarray result, Py_ssize_t rows) except *:
        """Without the GIL, on as many lanes as pay off for the rows."""
        # While these references exist, NumPy refuses to resize the arrays.
        cdef object _held = (PyWeakref_NewRef(array, None), PyWeakref_NewRef(result, None))
        cdef int most = thread_count.allowed()
        cdef int size = thread_team.size_for(rows * self.nanoseconds, <int> min(<Py_ssize_t> most, rows // FEWEST_ROWS))
        if size <= 1:
            run_alone(bank, array, result, rows, rows * self.nanoseconds)
            return
        enough_stack()
        cdef list lanes = [bank.lease() for _ in range(size)]
        cdef Crew crew = Crew(<void **> malloc(size * sizeof(void *)), rows, 0)
        cdef Lane lane
        cdef int i
        if crew.plans == NULL:
            raise MemoryError
        for i, lane in enumerate(lanes):
            lane.point(array, result, rows)
            lane.plan.shared.run.threads, lane.plan.shared.run.failed = 1, NULL
            crew.plans[i] = <void *> lane.plan
        crew.step = min(bank.rows, max(<Py_ssize_t> FEWEST_ROWS, (rows + size - 1) // size))
        try:
            leave_interpreter()
            with nogil:
                thread_team.share(size, (rows + crew.step - 1) // crew.step, run_step, &crew)
            return_to_interpreter()
        finally:
            free(crew.plans)
            for lane in lanes:
                bank.give_back(lane)
        for lane in lanes:
            lane.plan.check()

    def refusal(self, array: np.ndarray) -> ValueError:
        """The error for an input that does not fit."""
        one, many = str(self.input_shape), f"({', '.join(['n', *map(str, self.input_shape)])})"
        if array.shape[-self.dimensions:] == self.input_shape and array.ndim == self.dimensions + 1 and len(array):
            return ValueError(f"this predictor accepts up to {self.batch_size} rows, got {len(array)}; "
                              f"make it with freeze(batch_size={len(array)})")
        return ValueError(f"x: expected {one}, or {many} with n from 1 to {self.batch_size}, got {array.shape}"
                          f"{arrays.advice('x', array.shape, self.input_shape)}")

    def refresh(self) -> None:
        """Take the network's present weights; a call in progress finishes with the old ones.

        Raises
        ------
        RuntimeError
            If the network was built again, or another thread is training it.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> f = (net := fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)).freeze()
        >>> net.weights["dense_0.bias"][...] = 1
        >>> f.refresh(); f(np.zeros(2, np.float32))
        array([1.], dtype=float32)
        """
        cdef Bank fresh
        with self.net.guard.reading("refresh"):
            if self.net.blocks is not self.bank.snapshot.blocks:
                raise RuntimeError("refresh: the network has been built again since; freeze it again")
            fresh, self.spare = self.spare, None
            if fresh is None or fresh.calls:
                fresh = Bank(self.net, self.bank.rows)
            else:
                fresh.snapshot.update()
            self.bank, self.spare = fresh, self.bank

    def profile(self, repeats: int = 50) -> Profile:
        """Time each op on random numbers, in runs of batch_size rows, or of 128 if batch_size is greater.

        Parameters
        ----------
        repeats : int, default 50
            Runs that are timed, at least 1; the fastest counts.

        Returns
        -------
        Profile
            Printable, with a row for each op.

        Examples
        --------
        >>> import fastnn as fnn
        >>> f = fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=0).freeze()
        >>> f.profile(repeats=2).rows
        1
        """
        cdef Bank bank = self.bank
        bank.calls += 1
        try:
            return bank.lane().plan.profile(repeats)
        finally:
            bank.calls -= 1

    def __reduce__(self) -> tuple:
        raise TypeError("a Predictor cannot be copied; freeze() makes another")

    def __repr__(self) -> str:
        return f"Predictor({self.input_shape} -> {self.output_shape}, up to {self.batch_size} rows)"


cdef object call(Predictor self, PyObject **arguments, size_t count, PyObject *names):
    """f(x), f(x, out) and f(x, out=out); all other arguments go to __call__, which raises the error."""
    cdef Py_ssize_t n = PyVectorcall_NARGS(count)
    if n == 1 and names == NULL:
        return self.predict(<object> arguments[0], None)
    if (n == 2 and names == NULL) or (n == 1 and <tuple> names == ("out",)):
        return self.predict(<object> arguments[0], <object> arguments[1])
    given = [<object> arguments[i] for i in range(n)]
    named = {} if names == NULL else {name: <object> arguments[n + i] for i, name in enumerate(<tuple> names)}
    return Predictor.__call__(self, *given, **named)


cdef void run_alone(Bank bank, cnp.ndarray array, cnp.ndarray result, Py_ssize_t rows, double nanoseconds) except *:
    """All rows on one lane, whose ops may use several threads."""
    cdef Lane lane = bank.lease()
    lane.point(array, result, rows)
    try:
        lane.plan.run_frozen(rows, bank.rows, nanoseconds)
    finally:
        bank.give_back(lane)


cdef cnp.ndarray out_of(object out, int dimensions, cnp.npy_intp *shape, cnp.ndarray x):
    """The user's array for the result, if it fits. Raises TypeError and ValueError."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: expected a float32 array, got {type(out).__name__}")
    cdef cnp.ndarray array = out
    cdef bint fits = cnp.PyArray_NDIM(array) == dimensions and cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT32
    cdef int i
    if fits:
        for i in range(dimensions):
            fits &= cnp.PyArray_DIM(array, i) == shape[i]
    if not (fits and cnp.PyArray_ISCARRAY(array)):
        wanted = tuple([shape[i] for i in range(dimensions)])
        state = "" if array.flags.writeable else " read-only"
        state += "" if array.flags.c_contiguous and array.flags.aligned else " not in C order"
        raise ValueError(
            f"out: expected a writable float32 array {wanted} in C order, got{state} {array.dtype} {out.shape}"
        )
    cdef char *begin = <char *> cnp.PyArray_DATA(array)
    cdef char *other = <char *> cnp.PyArray_DATA(x)
    if begin < other + cnp.PyArray_NBYTES(x) and other < begin + cnp.PyArray_NBYTES(array):
        raise ValueError("out: overlaps x; give it memory of its own")
    return array


def _offset() -> int:
    cdef Predictor any = Predictor.__new__(Predictor)
    return <char *> &any.vectorcall - <char *> <void *> any


fastnn_vectorcall(<PyTypeObject *> Predictor, _offset())
