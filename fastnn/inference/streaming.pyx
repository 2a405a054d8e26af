"""Streaming: the state of a stream, and its weights."""

from collections.abc import Mapping
from typing import Any

cimport numpy as cnp
import numpy as np

from fastnn.inference.spec cimport Spec

from fastnn.common import checks
from fastnn.inference.stepping import Stepping
from fastnn.model.objectives import one_or_all

cnp.import_array()


cdef class Streaming:
    """What a Stream keeps from step to step, and what is done with it between steps."""

    cdef int make(self, object net, Py_ssize_t batch_size, object snapshot, object capacity, tuple held) except -1:
        self.stepping = Stepping(net, batch_size, snapshot, capacity, held)
        self.batch_size, self.snapshot, self.capacity = batch_size, snapshot, capacity
        self.plan, self.ready, self.held = self.stepping.step, self.stepping.ready, self.stepping.held_names
        self.names = [net.graph.inputs[i] for i in self.stepping.inputs]
        self.results_names = net.graph.output_names
        shapes = [self.stepping.features[i][1:] for i in self.stepping.inputs]
        ports = self.plan.ports
        self.inputs = [Spec(port.name, shape) for port, shape in zip(ports, shapes)]
        self.outputs = [Spec(port.name, shape) for port, shape in zip(ports[len(shapes):], self.stepping.shapes)]
        self.input_shape = one_or_all(self.names, shapes)
        self.output_shape = one_or_all(self.results_names, self.stepping.shapes)
        self.single = len(self.inputs) == len(self.outputs) == 1
        self.x, self.y, self.first, self.last = self.inputs[0], self.outputs[0], ports[0], ports[len(ports) - 1]
        self.net = net
        return 0

    def reset(self, rows: Any = None, /, *, lengths: Any = None, **held: Any) -> None:
        """Begin new sequences: states are zeros, or their held first values.

        Parameters
        ----------
        rows : array of int, or of bool (batch_size,), optional
            The streams that begin again, such as those of environments whose episode ended; None: all.
        lengths : array of int (rows,), int or dict of them, optional
            The number of steps of each held sequence, with the inputs: what is beyond has no effect. For several held
            sequences a dict by name.
        **held : array (rows, ...)
            The inputs that are held, by name: a sample for each of these streams, or one for all. Left out, they stay
            as they were.

        Raises
        ------
        RuntimeError
            Where held inputs were never given; while another thread is using this stream.
        TypeError, ValueError
            For rows that are not streams, and inputs that are not held or do not fit.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> x, h = fnn.Input((5, 2)), fnn.Input((3,), name="h")
        >>> f = fnn.Network([x, h], fnn.GRU(3)(x, initial_state=h), seed=0).freeze(streaming=True)
        >>> f.reset(h=np.ones(3))
        >>> first = f.step(np.ones(2, np.float32))
        >>> f.reset()
        >>> np.array_equal(f.step(np.ones(2, np.float32)), first)
        True
        """
        chosen = np.arange(self.batch_size) if rows is None else self.streams(rows)
        self.begin("reset")
        try:
            self.stepping.begin(chosen, held, lengths)
            self.ready = self.stepping.ready
        finally:
            self.busy = False

    def select(self, rows: Any) -> None:
        """Let stream i continue the sequence of stream rows[i], for all i: the beams that survive, say.

        Parameters
        ----------
        rows : array of int (batch_size,)
            The same stream may occur several times.

        Raises
        ------
        RuntimeError
            While another thread is using this stream.
        TypeError, ValueError
            For rows that are not streams.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> f = fnn.Sequential([fnn.SimpleRNN(3)], input_shape=(5, 2), seed=0).freeze(2, streaming=True)
        >>> y = f.step(np.eye(2, dtype=np.float32))
        >>> f.select([1, 1])
        >>> np.array_equal(*f.step(np.zeros((2, 2), np.float32)))
        True
        """
        chosen = self.streams(rows)
        if chosen.shape != (self.batch_size,):
            raise ValueError(f"rows: expected a stream for each of {self.batch_size}, got {len(chosen)}")
        self.begin("select")
        try:
            self.stepping.select(chosen)
        finally:
            self.busy = False

    cdef object streams(self, object rows):
        """The numbers of streams, of integers or of a bool for each."""
        array = np.asarray(rows)
        if array.dtype == np.bool_ and array.shape == (self.batch_size,):
            return np.flatnonzero(array)
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise TypeError(f"rows: expected integers, or {self.batch_size} bools, got {array.shape} {array.dtype}")
        if not ((array >= 0) & (array < self.batch_size)).all():
            raise ValueError(f"rows: expected integers from 0 to {self.batch_size - 1}, got {array}")
        return array

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What steps leave to later ones, and what follows from held inputs: copies by name. It may be set to such.

        "lstm_0.h" is (batch_size, units). A state that is set again later, here or in another stream of the network and
        of as many streams, continues the sequences from there, with the same bits.
        """
        self.begin("state")
        try:
            return self.stepping.read()
        finally:
            self.busy = False

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        given = self.stepping.checked(values)
        self.begin("state")
        try:
            self.stepping.write(given)
            self.ready = True
        finally:
            self.busy = False

    def refresh(self, tau: float = 1.0) -> None:
        """Take the network's present weights, or move towards them, w = (1 - tau) w + tau weights; the state is kept.

        So is what follows from held inputs, until they are given again.

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

    cdef int copy_to(self, Streaming other) except -1:
        """Makes the other, which is not initialized, another stream of the same sequences and weights."""
        self.begin("copy")
        try:
            with self.net.guard.reading("copy"):
                if self.net.blocks is not self.snapshot.blocks:
                    raise RuntimeError("copy: the network has been built again since; freeze it again")
                other.make(self.net, self.batch_size, self.snapshot.copied(), self.capacity, self.held)
            other.stepping.copy_from(self.stepping)
            other.ready = self.ready
        finally:
            self.busy = False
        return 0
