"""Predictor: a frozen network for hot loops."""

from typing import Any

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t

cimport numpy as cnp
import numpy as np

from fastnn.engine.port cimport takes
from fastnn.inference.lanes cimport Bank
from fastnn.inference.spec cimport Spec

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.inference.frozen import Snapshot
from fastnn.model.entry import title
from fastnn.model.objectives import one_or_all

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


@cython.final
cdef class Predictor:
    """A frozen network, made by `Network.freeze`: f = net.freeze(batch_size). Any thread may call it.

    f(x) computes the outputs, float32: for one x of the input's shape, an array of the output's shape; for x (n, ...)
    with n from 1 to batch_size, (n, ...), the bits that `predict` gives. f(x, out=out) writes into out, float32 in C
    order of exactly that shape, and returns it. For several inputs x is a list, a tuple or a dict by name, all of one
    sample or all of n; for several outputs the result is a dict by name, and out a list, a tuple or a dict. An x or an
    out that does not fit raises TypeError or ValueError, and nothing is written.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> f = fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=0).freeze(batch_size=2)
    >>> f(np.zeros(4, np.float32)).shape, f(np.zeros((2, 4), np.float32)).shape
    ((3,), (2, 3))
    """

    cdef readonly Py_ssize_t batch_size
    cdef readonly object input_shape, output_shape  # type: Any
    cdef object net
    cdef Vectorcall vectorcall
    cdef Bank bank, spare
    cdef bint single                   # whether there is one input and one output
    cdef list inputs, outputs, labels  # the Specs; the last are of classes, when they are needed first
    cdef Spec x, y, label              # the first of each

    def __cinit__(self) -> None:
        self.vectorcall = <Vectorcall> call

    def __init__(
        self, net: Compiled, batch_size: int = 1, averaged: bool = False, features: tuple = ()
    ) -> None:
        if self.net is not None:
            raise RuntimeError("a Predictor cannot be initialized twice")
        self.batch_size = checks.integer("batch_size", batch_size)
        self.bank = Bank(Snapshot(net, averaged, features=features), self.batch_size)
        self.net, self.input_shape, self.output_shape = net, net.input_shape, net.output_shape
        names = net.graph.inputs
        self.inputs = [Spec(title("x", names, i), shape) for i, shape in enumerate(features or net.features)]
        self.outputs = self.bank.predicting.results
        self.x, self.y, self.single = self.inputs[0], self.outputs[0], len(names) == len(self.outputs) == 1

    def __call__(self, x: Any, out: Any = None) -> Any:
        if self.single:
            return self.one(False, x, out)
        found = self.several(False, x, out)
        return one_or_all(self.net.graph.output_names, found) if out is None else out

    cdef cnp.ndarray one(self, bint classes, object x, object out):
        """The only output, or its classes, for the only input."""
        cdef cnp.ndarray result, array = <cnp.ndarray> x if takes(x) else arrays.packed(arrays.numbers("x", x))
        cdef int batch = self.x.batch_of(array)
        cdef Py_ssize_t rows = cnp.PyArray_DIM(array, 0) if batch == 1 else 1
        if batch < 0 or not 1 <= rows <= self.batch_size:
            raise self.refusal(self.x, array)
        cdef Spec spec = self.label if classes else self.y
        if out is None:
            result = spec.empty(batch, rows)
        else:
            result = spec.checked(out, batch, rows)
            spec.refuse_overlap(result, array, "x")
        self.bank.lanes(classes).run(array, result, None, rows)
        return result

    cdef list several(self, bint classes, object x, object out):
        """All outputs, or their classes, for all inputs."""
        cdef Spec spec, first = self.x
        cdef list specs = self.labels if classes else self.outputs
        cdef cnp.ndarray array, other
        cdef list given = [], found = []
        cdef int batch = 0
        cdef Py_ssize_t rows = 1, i, j
        for i, each in enumerate(arrays.parted("x", x, self.net.graph.inputs)):
            spec = self.inputs[i]
            array = each if takes(each) else arrays.packed(arrays.numbers(spec.name, each))
            if i == 0:
                batch = spec.batch_of(array)
                rows = cnp.PyArray_DIM(array, 0) if batch == 1 else 1
            if spec.batch_of(array) < 0 or (batch == 1 and not 1 <= rows <= self.batch_size):
                raise self.refusal(spec, array)
            if spec.batch_of(array) != batch or (batch and cnp.PyArray_DIM(array, 0) != rows):
                raise ValueError(
                    f"x: expected one sample of each input, or as many of each; {first.name} has shape "
                    f"{given[0].shape}, {spec.name} {(<object> array).shape}"
                )
            given.append(array)
        if out is None:
            for spec in specs:
                found.append(spec.empty(batch, rows))
        else:
            for i, each in enumerate(arrays.parted("out", out, self.net.graph.output_names)):
                spec = specs[i]
                other = spec.checked(each, batch, rows)
                for j, array in enumerate(given):
                    spec.refuse_overlap(other, array, (<Spec> self.inputs[j]).name)
                for j, array in enumerate(found):
                    spec.refuse_overlap(other, array, (<Spec> specs[j]).name)
                found.append(other)
        cdef tuple others = (*given[1:], *found)
        self.bank.lanes(classes).run(given[0], others[len(others) - 1], others[:len(others) - 1], rows)
        return found

    def classify(self, x: Any) -> Any:
        """Compute the class of one x, or of each of n, as `Network.classify` does.

        What the outputs stand for is decided by their activations, and by the loss at the time of the freeze.

        Parameters
        ----------
        x : array
            As in a call.

        Returns
        -------
        int or array, int64
            For one x an int; for n, (n,). For feature maps and labels an array of the class at each position, or of
            a 0 or 1 for each label; for several outputs a dict by name.

        Raises
        ------
        TypeError, ValueError
            For a network that predicts values instead of classes, and for an x that does not fit or is not finite.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> f = fnn.Sequential([fnn.Dense(3, "softmax")], input_shape=(4,), seed=0).freeze(batch_size=2)
        >>> f.classify(np.zeros(4)), f.classify(np.zeros((2, 4)))
        (0, array([0, 0]))
        """
        if self.labels is None:
            self.labels = self.bank.lanes(True).results
            self.label = self.labels[0]
        if self.single:
            return number(self.one(True, x, None))
        found = self.several(True, x, None)
        return one_or_all(self.net.graph.output_names, [number(each) for each in found])

    def refusal(self, spec: Spec, array: np.ndarray) -> ValueError:
        """The error for an input that does not fit."""
        one, many = str(spec.shape), f"({', '.join(['n', *map(str, spec.shape)])})"
        if array.shape[-len(spec.shape):] == spec.shape and array.ndim == len(spec.shape) + 1 and len(array):
            return ValueError(f"this predictor accepts up to {self.batch_size} rows, got {len(array)}; "
                              f"make it with freeze(batch_size={len(array)})")
        return ValueError(f"{spec.name}: expected {one}, or {many} with n from 1 to {self.batch_size}, got "
                          f"{array.shape}{arrays.advice(spec.name, array.shape, spec.shape)}")

    def refresh(self, tau: float = 1.0) -> None:
        """Take the network's present weights, or move towards them, w = (1 - tau) w + tau weights.

        A call in progress finishes with the old ones. With averaged=True it is their average that is taken. In
        Q-learning the frozen network that computes the targets follows the one that learns, [1]_.

        Parameters
        ----------
        tau : float, default 1
            The fraction of the way, 0 <= tau <= 1.

        Raises
        ------
        TypeError, ValueError
            For a tau that is not such a number.
        RuntimeError
            If the network was built again, or another thread is training it; for an average that the optimizer does
            not keep any more.

        References
        ----------
        .. [1] T. P. Lillicrap et al., "Continuous Control with Deep Reinforcement Learning", ICLR 2016, algorithm 1.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> f = (net := fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)).freeze()
        >>> net.weights["dense_0.bias"][...] = 1
        >>> f.refresh(tau=0.25); f(np.zeros(2, np.float32))
        array([0.25], dtype=float32)
        >>> f.refresh(); f(np.zeros(2, np.float32))
        array([1.], dtype=float32)
        """
        rate = checks.real("refresh: tau", tau, 0, 1)
        cdef Bank before, fresh
        with self.net.guard.reading("refresh"):
            while True:  # again if another thread refreshed meanwhile: no move may be lost
                before = self.bank
                if self.net.blocks is not before.snapshot.blocks:
                    raise RuntimeError("refresh: the network has been built again since; freeze it again")
                fresh, self.spare = self.spare, None
                before.holds += 1  # so that it is not written to
                try:
                    if fresh is None or fresh.busy():
                        fresh = Bank(before.snapshot.another(), self.batch_size)
                    if rate < 1:
                        fresh.snapshot.take(before.snapshot)
                    fresh.snapshot.update(rate)
                finally:
                    before.holds -= 1
                if self.bank is before:
                    self.bank, self.spare = fresh, before
                    return

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
        bank.holds += 1
        try:
            return bank.predicting.lane().plan.profile(repeats)
        finally:
            bank.holds -= 1

    def __reduce__(self) -> tuple:
        raise TypeError("a Predictor cannot be copied; freeze() makes another")

    def __repr__(self) -> str:
        return f"Predictor({self.input_shape} -> {self.output_shape}, up to {self.batch_size} rows)"


cdef object call(Predictor self, PyObject **arguments, size_t count, PyObject *names):
    """f(x), f(x, out) and f(x, out=out) of one input and output; all other calls go to __call__."""
    cdef Py_ssize_t n = PyVectorcall_NARGS(count)
    if n == 1 and names == NULL and self.single:
        return self.one(False, <object> arguments[0], None)
    if self.single and ((n == 2 and names == NULL) or (n == 1 and <tuple> names == ("out",))):
        return self.one(False, <object> arguments[0], <object> arguments[1])
    given = [<object> arguments[i] for i in range(n)]
    named = {} if names == NULL else {name: <object> arguments[n + i] for i, name in enumerate(<tuple> names)}
    return Predictor.__call__(self, *given, **named)


cdef object number(cnp.ndarray classes):
    """The array, as an int if it is of one class."""
    return (<int64_t *> cnp.PyArray_DATA(classes))[0] if cnp.PyArray_NDIM(classes) == 0 else classes


def _offset() -> int:
    cdef Predictor any = Predictor.__new__(Predictor)
    return <char *> &any.vectorcall - <char *> <void *> any


fastnn_vectorcall(<PyTypeObject *> Predictor, _offset())
