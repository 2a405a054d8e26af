"""Stream: a frozen recurrent network that takes one time step at a time and keeps its state."""

from typing import Any

cimport cython
from cpython.weakref cimport PyWeakref_NewRef

cimport numpy as cnp

from fastnn.engine.op cimport NANOSECONDS_WITH_GIL
from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port, takes
from fastnn.engine.tensor cimport DIMENSIONS
from fastnn.inference.predictor cimport out_of

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.inference.frozen import Snapshot, stream_program

cnp.import_array()


@cython.final
cdef class Stream:
    """f = net.freeze(streaming=True): the network as it is now, a step at a time; see Network.freeze.

    f.step(x_t): x_t (batch_size, features), or (batch_size,) for ids, gives the outputs at this step, with the bits of
    `predict`, (batch_size, ...); for one stream x_t may also be (features,), or () for an id, and then they are (...).
    f.step(x_t, out=out) writes into out, float32 in C order of exactly that shape, without an allocation, and returns
    it. f.reset(): a new sequence begins. f.refresh(): the weights that the network has now; the state stays.
    A step that raises leaves the state as it was: ValueError and TypeError for an x_t or an out that does not fit,
    RuntimeError while another thread is in a step, a reset or a refresh of the same stream.
    """

    cdef readonly Py_ssize_t batch_size
    cdef readonly tuple input_shape, output_shape  # type: tuple[int, ...]
    cdef object net, program, snapshot
    cdef tuple all_streams
    cdef Plan plan
    cdef Port x, out
    cdef bint busy
    cdef cnp.npy_intp[DIMENSIONS] shape

    def __init__(self, net: Compiled, batch_size: int = 1) -> None:
        if self.net is not None:
            raise RuntimeError("a Stream is made once")
        self.batch_size = checks.integer("batch_size", batch_size)
        self.snapshot = Snapshot(net.blocks)
        self.program, self.output_shape = stream_program(net, self.batch_size, self.snapshot)
        self.plan = self.program.plan
        self.x, self.out = self.plan.ports
        self.net, self.input_shape = net, net.input_shape[1:]
        self.all_streams = (self.batch_size, *self.input_shape)

    def step(self, x: Any, out: np.ndarray | None = None) -> np.ndarray:
        """The output at the next step, of which x is the input."""
        cdef cnp.ndarray array = x if takes(x) else arrays.packed(arrays.numbers("x", x)), result
        cdef cnp.npy_intp[DIMENSIONS] shape
        cdef int i, batch = 1
        given = (<object> array).shape
        if given != self.all_streams:
            batch = 0
            if self.batch_size > 1 or given != self.input_shape:
                wanted = f"{self.all_streams}{f', or {self.input_shape}' if self.batch_size == 1 else ''}"
                raise ValueError(f"x: expected a step of {self.batch_size} streams {wanted}, got {given}")
        shape[0] = self.batch_size
        for i in range(len(self.output_shape)):
            shape[i + batch] = self.output_shape[i]
        if out is None:
            result = cnp.PyArray_EMPTY(batch + <int> len(self.output_shape), shape, cnp.NPY_FLOAT32, 0)
        else:
            result = out_of(out, batch + <int> len(self.output_shape), shape, array)
        # As long as these live NumPy refuses to resize the arrays.
        cdef object _held = None
        if self.plan.nanoseconds >= NANOSECONDS_WITH_GIL:
            _held = (PyWeakref_NewRef(array, None), PyWeakref_NewRef(result, None))
        self.begin("step")
        try:
            self.x.point(array, self.batch_size)
            self.out.point(result, self.batch_size)
            self.plan.run_frozen(self.batch_size, self.batch_size, self.plan.nanoseconds)
        finally:
            self.busy = False
        return result

    def reset(self) -> None:
        """Forgets what came: the next step is the first of a sequence."""
        self.begin("reset")
        try:
            self.program.clear_states()
        finally:
            self.busy = False

    def refresh(self) -> None:
        """Takes the network's weights as they are now; the state stays.

        Raises RuntimeError if the network was built anew, or another thread is training it or in a step.
        """
        self.begin("refresh")
        try:
            with self.net.guard.reading("refresh"):
                if self.net.blocks is not self.snapshot.blocks:
                    raise RuntimeError("refresh: the network was built anew; freeze it again")
                self.snapshot.update()
        finally:
            self.busy = False

    def profile(self, repeats: int = 50) -> Profile:
        """Times each op of a step on random numbers; the state stays.

        Returns a Profile: a row for each op, printable. Raises ValueError for repeats < 1, RuntimeError while another
        thread is in a step.
        """
        self.begin("profile")
        try:
            return self.plan.profile(repeats)
        finally:
            self.busy = False

    cdef int begin(self, str action) except -1:
        """Takes the stream for this thread: no step may meet half of a reset or of a refresh."""
        if self.busy:
            raise RuntimeError(
                f"{action}: another thread is in a step of this stream; each thread needs one of its own"
            )
        self.busy = True
        return 0

    def __reduce__(self) -> tuple:
        raise TypeError("a Stream is not copied: freeze(streaming=True) makes another")

    def __repr__(self) -> str:
        return f"Stream({self.input_shape} -> {self.output_shape}, {self.batch_size} at a time)"
