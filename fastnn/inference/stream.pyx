"""Stream: a frozen recurrent network that takes one time step at a time and keeps its state."""

from collections.abc import Sequence
from typing import Any

cimport cython
from cpython.weakref cimport PyWeakref_NewRef

cimport numpy as cnp
import numpy as np

from fastnn.engine.op cimport NANOSECONDS_WITH_GIL
from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port, takes
from fastnn.inference.spec cimport Spec

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.inference.frozen import Snapshot, stream_program

cnp.import_array()


@cython.final
cdef class Stream:
    """A frozen recurrent network, made by `Network.freeze`: f = net.freeze(streaming=True). It runs step by step.

    `step` computes the outputs at the next time step, with the bits of `predict`; `reset` starts a new sequence. A
    step that raises leaves the state as it was.

    Attributes
    ----------
    batch_size : int
        The number of streams.
    input_shape, output_shape : tuple of int
        Of a stream at one step.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> f = fnn.Sequential([fnn.SimpleRNN(3)], input_shape=(5, 2), seed=0).freeze(streaming=True)
    >>> for x_t in np.ones((5, 2), np.float32):
    ...     y_t = f.step(x_t)
    >>> y_t.shape
    (3,)
    """

    cdef readonly Py_ssize_t batch_size
    cdef readonly tuple input_shape, output_shape  # type: tuple[int, ...]
    cdef object net, program, snapshot
    cdef tuple all_streams
    cdef Plan plan
    cdef Port x, out
    cdef Spec result
    cdef bint busy

    def __init__(self, net: Compiled, batch_size: int = 1, averaged: bool = False) -> None:
        if self.net is not None:
            raise RuntimeError("a Stream cannot be initialized twice")
        self.batch_size = checks.integer("batch_size", batch_size)
        self.snapshot = Snapshot(net, averaged)
        self.program, self.output_shape = stream_program(net, self.batch_size, self.snapshot)
        self.plan = self.program.plan
        self.x, self.out = self.plan.ports
        self.result = Spec("out", self.output_shape)
        self.net, self.input_shape = net, net.input_shape[1:]
        self.all_streams = (self.batch_size, *self.input_shape)

    def step(self, x: Any, out: np.ndarray | None = None) -> np.ndarray:
        """Compute the outputs at the next step from its input x.

        Parameters
        ----------
        x : array (batch_size, features), or (batch_size,) for ids
            The inputs at this step. For one stream also (features,), or () for an id.
        out : array, optional
            Where to write the outputs, without an allocation: float32 in C order, of exactly their shape.

        Returns
        -------
        array, float32 (batch_size, ...)
            The outputs at this step, without the first axis if x comes without it; out if it is given.

        Raises
        ------
        TypeError, ValueError
            For an x or an out that does not fit.
        RuntimeError
            While another thread is in a step, a reset, a refresh or a profile of this stream.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> f = fnn.Sequential([fnn.SimpleRNN(3)], input_shape=(5, 2), seed=0).freeze(batch_size=4, streaming=True)
        >>> f.step(np.ones((4, 2), np.float32)).shape
        (4, 3)
        >>> out = np.empty((4, 3), np.float32)
        >>> f.step(np.ones((4, 2), np.float32), out=out) is out
        True
        """
        cdef cnp.ndarray array = x if takes(x) else arrays.packed(arrays.numbers("x", x)), result
        cdef int batch = 1
        given = (<object> array).shape
        if given != self.all_streams:
            batch = 0
            if self.batch_size > 1 or given != self.input_shape:
                wanted = f"{self.all_streams}{f', or {self.input_shape}' if self.batch_size == 1 else ''}"
                raise ValueError(f"x: expected a step of {self.batch_size} streams {wanted}, got {given}")
        if out is None:
            result = self.result.empty(batch, self.batch_size)
        else:
            result = self.result.checked(out, batch, self.batch_size)
            self.result.refuse_overlap(result, array, "x")
        # While these references exist, NumPy refuses to resize the arrays.
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

    def reset(self, rows: Any = None) -> None:
        """Reset the state to zeros: the next step is the first of a new sequence.

        Parameters
        ----------
        rows : array of int, or of bool (batch_size,), optional
            The streams that begin again, such as those of environments whose episode ended; None: all.

        Raises
        ------
        RuntimeError
            While another thread is using this stream.
        TypeError, ValueError
            For rows that are not streams.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> f = fnn.Sequential([fnn.SimpleRNN(3)], input_shape=(5, 2), seed=0).freeze(streaming=True)
        >>> first = f.step(np.ones(2, np.float32))
        >>> f.reset()
        >>> np.array_equal(f.step(np.ones(2, np.float32)), first)
        True
        """
        chosen = slice(None) if rows is None else self.streams(rows)
        self.begin("reset")
        try:
            for state in self.program.states:
                state.array[chosen] = 0
        finally:
            self.busy = False

    cdef object streams(self, object rows):
        """The numbers of streams, or a bool for each, as an array."""
        array = np.asarray(rows)
        if array.dtype == np.bool_ and array.shape == (self.batch_size,):
            return array
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise TypeError(f"rows: expected integers, or {self.batch_size} bools, got {array.shape} {array.dtype}")
        if not ((array >= 0) & (array < self.batch_size)).all():
            raise ValueError(f"rows: expected integers from 0 to {self.batch_size - 1}, got {array}")
        return array

    @property
    def state(self) -> tuple[np.ndarray, ...]:
        """What recurrent layers carry to the next step: copies, each (batch_size, units). It may be set to such arrays.

        A state that is set again later continues the sequence from there, with the same bits.
        """
        return tuple(state.array.copy() for state in self.program.states)

    @state.setter
    def state(self, values: Sequence[Any]) -> None:
        states = self.program.states
        given = [arrays.numbers(f"state[{i}]", each) for i, each in enumerate(values)]
        wanted = [state.array.shape for state in states]
        if [each.shape for each in given] != wanted or not all(np.isfinite(each).all() for each in given):
            raise ValueError(f"state: expected finite arrays of shapes {wanted}, got {[each.shape for each in given]}")
        self.begin("state")
        try:
            for state, each in zip(states, given):
                state.array[...] = each
        finally:
            self.busy = False

    def refresh(self, tau: float = 1.0) -> None:
        """Take the network's present weights, or move towards them, w = (1 - tau) w + tau weights; the state is kept.

        Parameters
        ----------
        tau : float, default 1
            The fraction of the way, 0 <= tau <= 1.

        Raises
        ------
        TypeError, ValueError
            For a tau that is not such a number.
        RuntimeError
            If the network was built again, or while another thread is training it or using this stream; for an average
            that the optimizer does not keep any more.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.SimpleRNN(3)], input_shape=(5, 2), seed=0)
        >>> f = net.freeze(streaming=True)
        >>> for view in net.weights.values():
        ...     view[...] = 0
        >>> f.refresh()
        >>> f.step(np.ones(2, np.float32))
        array([0., 0., 0.], dtype=float32)
        """
        rate = checks.real("refresh: tau", tau, 0, 1)
        self.begin("refresh")
        try:
            with self.net.guard.reading("refresh"):
                if self.net.blocks is not self.snapshot.blocks:
                    raise RuntimeError("refresh: the network has been built again since; freeze it again")
                self.snapshot.update(rate)
        finally:
            self.busy = False

    def profile(self, repeats: int = 50) -> Profile:
        """Time each op of a step on random numbers; the state is kept.

        Parameters
        ----------
        repeats : int, default 50
            Steps that are timed; the fastest counts.

        Returns
        -------
        Profile
            Printable, with a row for each op.

        Raises
        ------
        ValueError
            For repeats < 1.
        RuntimeError
            While another thread is using this stream.

        Examples
        --------
        >>> import fastnn as fnn
        >>> f = fnn.Sequential([fnn.SimpleRNN(3)], input_shape=(5, 2), seed=0).freeze(streaming=True)
        >>> f.profile(repeats=2).rows
        1
        """
        self.begin("profile")
        try:
            return self.plan.profile(repeats)
        finally:
            self.busy = False

    cdef int begin(self, str action) except -1:
        """Claims the stream for this thread: no step may see a half-finished reset or refresh."""
        if self.busy:
            raise RuntimeError(
                f"{action}: another thread is in a step of this stream; each thread needs its own stream"
            )
        self.busy = True
        return 0

    def __reduce__(self) -> tuple:
        raise TypeError("a Stream cannot be copied; freeze(streaming=True) makes another")

    def __repr__(self) -> str:
        return f"Stream({self.input_shape} -> {self.output_shape}, {self.batch_size} at a time)"
