"""Stream: a frozen network that takes one time step at a time and keeps its state."""

from collections.abc import Sequence
from typing import Any

cimport cython
from cpython.weakref cimport PyWeakref_NewRef

cimport numpy as cnp

from fastnn.engine.op cimport NANOSECONDS_WITH_GIL
from fastnn.engine.port cimport Port, takes
from fastnn.inference.spec cimport Spec
from fastnn.inference.streaming cimport Streaming

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.inference.frozen import Snapshot
from fastnn.model.objectives import one_or_all

cnp.import_array()


@cython.final
cdef class Stream(Streaming):
    """A frozen network that runs step by step, made by `Network.freeze`: f = net.freeze(streaming=True).

    `step` computes the outputs at the next time step, with the bits of `predict`; `reset` starts new sequences. A call
    that raises leaves the state as it was. copy.copy(f) continues the same sequences on its own.

    Inputs that the outputs follow in time are given at each step. All others are held: a sequence that is attended to
    or encoded, the first states of a recurrent layer, what is not a sequence, and what `freeze` was told to hold. They
    are given to `reset` by name, and what follows from them is computed there, once.

    Attributes
    ----------
    batch_size : int
        The number of streams.
    input_shape, output_shape : tuple of int, or dict of them
        Of a stream at one step; for several inputs or outputs by name.
    held : tuple of str
        The names of the held inputs.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> f = fnn.Sequential([fnn.SimpleRNN(3)], input_shape=(5, 2), seed=0).freeze(streaming=True)
    >>> for x_t in np.ones((5, 2), np.float32):
    ...     y_t = f.step(x_t)
    >>> y_t.shape
    (3,)
    """

    def __init__(
        self, net: Compiled, batch_size: int = 1, averaged: bool = False, capacity: int | None = None,
        held: Sequence[str] = (),
        features: tuple = (),
    ) -> None:
        if self.net is not None:
            raise RuntimeError("a Stream cannot be initialized twice")
        count = checks.integer("batch_size", batch_size)
        most = None if capacity is None else checks.integer("capacity", capacity)
        names = (held,) if isinstance(held, str) else tuple(checks.listed("held", held, str, "names"))
        self.make(net, count, Snapshot(net, averaged, features=features), most, names)

    def step(self, *x: Any, out: Any = None) -> Any:
        """Compute the outputs at the next step from the inputs x.

        Parameters
        ----------
        *x : array (batch_size, features), or (batch_size,) for ids
            The input at this step. For one stream also (features,), or () for an id. Several inputs are given in their
            order, or as one list, tuple or dict by name.
        out : array, optional
            Where to write the outputs, without an allocation: float32 in C order, of exactly their shape. For several
            outputs a list, a tuple or a dict; for one input and one output it may also follow x.

        Returns
        -------
        array, float32 (batch_size, ...)
            The outputs at this step, without the first axis if x comes without it; out if it is given. For several
            outputs a dict by name.

        Raises
        ------
        TypeError, ValueError
            For an x or an out that does not fit.
        RuntimeError
            Before `reset` where inputs are held; for a sequence that has had as many steps as the stream has capacity
            for; while another thread is using this stream.

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
        cdef tuple parts = x
        if not self.ready:
            self.stepping.need("step")
        if self.single and (len(parts) == 1 or (len(parts) == 2 and out is None)):
            return self.one(parts[0], parts[1] if len(parts) == 2 else out)
        if len(parts) != len(self.inputs):
            if len(parts) != 1:
                raise TypeError(f"step: expected the inputs {', '.join(self.names)}, got {len(parts)}")
            parts = tuple(arrays.parted("x", parts[0], self.names))
        return self.several(parts, out)

    cdef cnp.ndarray one(self, object x, object out):
        """The only output for the only input."""
        cdef cnp.ndarray array = self.checked(self.x, x), result
        cdef int batch = self.x.batch_of(array)
        if out is None:
            result = self.y.empty(batch, self.batch_size)
        else:
            result = self.y.checked(out, batch, self.batch_size)
            self.y.refuse_overlap(result, array, self.x.name)
        cdef object _held = None
        if self.plan.nanoseconds >= NANOSECONDS_WITH_GIL:  # with these, NumPy refuses to resize the arrays
            _held = (PyWeakref_NewRef(array, None), PyWeakref_NewRef(result, None))
        self.begin("step")
        try:
            self.first.point(array, self.batch_size)
            self.last.point(result, self.batch_size)
            self.plan.run_frozen(self.batch_size, self.batch_size, self.plan.nanoseconds)
        finally:
            self.busy = False
        return result

    cdef object several(self, tuple x, object out):
        """All outputs for all inputs."""
        cdef list given = [], found = [], _held = None
        cdef Py_ssize_t i, count = len(self.inputs)
        cdef int batch = 1
        for i in range(count):
            given.append(self.checked(self.inputs[i], x[i]))
            batch = (<Spec> self.inputs[i]).batch_of(given[i])
            if batch != (<Spec> self.inputs[0]).batch_of(given[0]):
                raise ValueError("x: expected all inputs with an axis for the streams, or all without")
        if out is None:
            for i in range(len(self.outputs)):
                found.append((<Spec> self.outputs[i]).empty(batch, self.batch_size))
        else:
            self.take_results(out, batch, given, found)
        if self.plan.nanoseconds >= NANOSECONDS_WITH_GIL:
            _held = [PyWeakref_NewRef(array, None) for array in (*given, *found)]
        self.begin("step")
        try:
            for i in range(count):
                (<Port> self.plan.ports[i]).point(<cnp.ndarray> given[i], self.batch_size)
            for i in range(len(found)):
                (<Port> self.plan.ports[count + i]).point(<cnp.ndarray> found[i], self.batch_size)
            self.plan.run_frozen(self.batch_size, self.batch_size, self.plan.nanoseconds)
        finally:
            self.busy = False
        return one_or_all(self.results_names, found) if out is None else out

    cdef cnp.ndarray checked(self, Spec spec, object x):
        """An input of a step, if it fits. Raises TypeError and ValueError."""
        cdef cnp.ndarray array = x if takes(x) else arrays.packed(arrays.numbers(spec.name, x))
        cdef int batch = spec.batch_of(array)
        if batch < 0 or (cnp.PyArray_DIM(array, 0) if batch else 1) != self.batch_size:
            wanted = f"{(self.batch_size, *spec.shape)}{f', or {spec.shape}' if self.batch_size == 1 else ''}"
            raise ValueError(
                f"{spec.name}: expected a step of {self.batch_size} streams {wanted}, got {(<object> array).shape}"
            )
        return array

    cdef int take_results(self, object out, int batch, list given, list found) except -1:
        """Adds the arrays for results that the user gives to those found. Raises TypeError and ValueError."""
        cdef Spec spec
        cdef cnp.ndarray array
        cdef Py_ssize_t i, j
        for i, each in enumerate(arrays.parted("out", out, self.results_names)):
            spec = self.outputs[i]
            array = spec.checked(each, batch, self.batch_size)
            for j in range(len(given)):
                spec.refuse_overlap(array, given[j], (<Spec> self.inputs[j]).name)
            for j in range(len(found)):
                spec.refuse_overlap(array, found[j], (<Spec> self.outputs[j]).name)
            found.append(array)
        return 0

    def __copy__(self) -> Stream:
        cdef Stream other = Stream.__new__(Stream)
        self.copy_to(other)
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Stream:
        return self.__copy__()

    def __reduce__(self) -> tuple:
        raise TypeError("a Stream cannot be pickled; save the network, and f.state")

    def __repr__(self) -> str:
        return f"Stream({self.input_shape} -> {self.output_shape}, {self.batch_size} at a time)"
