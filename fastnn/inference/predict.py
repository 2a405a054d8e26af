"""Prediction: the outputs for inputs, their classes, and how good they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.data.examples import Examples
from fastnn.model.compiled import Compiled
from fastnn.model.history import Logs
from fastnn.model.objectives import one_or_all
from fastnn.model.program import Program
from fastnn.model.request import Kind, Request

if TYPE_CHECKING:
    from fastnn.inference.predictor import Predictor
    from fastnn.inference.stream import Stream

#: Rows that predict, classify and evaluate run at once, unless told otherwise.
CHUNK = 512


class Prediction(Compiled):
    """The verbs by which a network is used."""

    def predict(self, x: Any, batch_size: int | None = None, lengths: Any = None, stateful: bool = False) -> Any:
        """Compute the outputs for x.

        Parameters
        ----------
        x : array (batch, ...)
            Samples. For several inputs a list, a tuple or a dict by name. A NaN in a row makes that row's outputs NaN.
        batch_size : int, optional
            Rows that run at once; None lets fastnn choose.
        lengths : array of int (batch,), optional
            The number of steps of each sequence, as in `fit`; outputs at later steps are 0.
        stateful : bool, default False
            Whether each batch continues the sequences of the batch before, as in `fit`.

        Returns
        -------
        array, float32 (batch, ...)
            For several outputs a dict by name.

        Raises
        ------
        TypeError, ValueError
            For an x or lengths that do not fit the network.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(3, "softmax")], input_shape=(4,), seed=0)
        >>> net.predict(np.zeros((2, 4))).shape
        (2, 3)
        """
        inputs, shapes = self.samples(x, empty=True)
        out = [np.empty((len(inputs[0]), *shape), np.float32) for shape in shapes]
        return _run(self, Kind.PREDICT, inputs, batch_size, out, lengths, stateful)

    def classify(self, x: Any, batch_size: int | None = None, lengths: Any = None) -> Any:
        """Compute the class of each row of x: the argmax of the outputs.

        The softmax is not computed. For one output, the class is whether its probability is >= 0.5.

        Parameters
        ----------
        x, batch_size, lengths
            As in `predict`.

        Returns
        -------
        array, int64 (batch,)
            For feature maps (batch, height, width, classes) the class at each position, (batch, height, width). For
            several outputs a dict by name.

        Raises
        ------
        TypeError, ValueError
            For a network that predicts values instead of classes, and for an x that does not fit or is not finite.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(3, "softmax")], input_shape=(4,), seed=0)
        >>> net.classify(np.zeros((2, 4)))
        array([0, 0])
        """
        inputs, shapes = self.samples(x, empty=True)
        out = [np.empty((len(inputs[0]), *shape[:-1]), np.int64) for shape in shapes]
        return _run(self, Kind.CLASSIFY, inputs, batch_size, out, lengths)

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        sample_weight: Any = None,
        lengths: Any = None,
        stateful: bool = False,
    ) -> Logs:
        """Compute the loss and the metrics over x and y.

        Parameters
        ----------
        x, batch_size, lengths, stateful
            As in `predict`.
        y : array
            Targets, as in `fit`. For several outputs a list, a tuple or a dict by name.
        sample_weight : array, optional
            As in `fit`: losses and metrics are weighted means.

        Returns
        -------
        dict of str to float
            "loss" and each metric. For several outputs "loss" is the weighted sum, the others are "<output>_loss",
            "<output>_accuracy" and so on.

        Raises
        ------
        RuntimeError
            Before `compile`.
        TypeError, ValueError
            For x and y that do not fit or are not finite.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(4,), seed=0).compile("sgd", "mse")
        >>> net.evaluate(np.zeros((2, 4)), np.ones(2))
        {'loss': 1.0}
        """
        examples = self.examples(x, y, sample_weight, lengths, stateful)
        return measure(self, examples, rows_of(batch_size, examples.size, stateful))

    @overload
    def freeze(self, batch_size: int = 1, *, streaming: Literal[False] = False) -> Predictor: ...
    @overload
    def freeze(self, batch_size: int = 1, *, streaming: Literal[True]) -> Stream: ...
    def freeze(self, batch_size: int = 1, *, streaming: bool = False) -> Predictor | Stream:
        """Make a function of the network as it is now, for hot loops.

        Its weights are packed, and any thread may call it. f(x), for one x of a sample's shape or up to batch_size of
        them (n, ...), gives the bits of `predict`, but for rounding where a BatchNorm is folded into the layer before;
        f(x, out=out) writes into out; f.refresh() takes the network's present weights.

        Parameters
        ----------
        batch_size : int, default 1
            The most rows of a call; with streaming, the number of streams.
        streaming : bool, default False
            For a recurrent network: one time step at a time, y_t = f.step(x_t). The state stays in f until f.reset().

        Returns
        -------
        Predictor or Stream

        Raises
        ------
        RuntimeError
            Before the network is built.
        ValueError
            For batch_size < 1, a network of several inputs or outputs, and with streaming for one that needs sequences
            as a whole.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> f = fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=0).freeze()
        >>> f(np.zeros(4, np.float32))
        array([0., 0., 0.], dtype=float32)
        """
        from fastnn.inference.predictor import Predictor
        from fastnn.inference.stream import Stream

        if len(self.graph.inputs) > 1 or len(self.graph.outputs) > 1:
            raise ValueError("freeze: the network must have one input and one output; use predict")
        with self.guard.reading("freeze"):
            return (Stream if checks.flag("streaming", streaming) else Predictor)(self, batch_size)


def rows_of(batch_size: int | None, samples: int, stateful: bool = False) -> int:
    """The rows of a run: as asked for or as fastnn chooses, and no more than there are.

    Raises ValueError where states are to be carried and not all runs have as many.
    """
    if checks.flag("stateful", stateful):
        if batch_size is None:
            raise ValueError("stateful: give the batch_size, which is the number of streams")
        if samples % checks.integer("batch_size", batch_size):
            raise ValueError(f"stateful: {samples} samples do not divide into batches of {batch_size} streams")
    return min(CHUNK if batch_size is None else checks.integer("batch_size", batch_size), samples)


def measure(net: Compiled, examples: Examples, rows: int) -> Logs:
    """The loss and the metrics over the examples, that many rows at once."""
    with net.built_for(examples.inputs), net.guard.reading("evaluate"):
        program = net.pool.lease(net, net.request(Kind.EVALUATE, examples), rows)
        try:
            program.attach(*examples.arrays)
            program.reset()
            program.clear_states()
            program.run_all(examples.size, rows)
            return with_records(program, examples, examples.size)
        finally:
            net.pool.give_back(program)


def with_records(program: Program, examples: Examples, done: int, order: np.ndarray | None = None) -> Logs:
    """What a program measured over the first samples of an order, by its meters and by metrics in Python."""
    logs = program.means()
    for record in program.records:
        logs |= record.metrics(examples, done, order)
    return logs


def _run(
    net: Compiled,
    kind: Kind,
    x: list[np.ndarray],
    batch_size: int | None,
    out: list[np.ndarray],
    lengths: Any,
    stateful: bool = False,
) -> Any:
    rows = max(1, rows_of(batch_size, len(x[0]), stateful))
    ends = [] if lengths is None else [arrays.lengths(lengths, len(x[0]))]
    request = Request(kind, lengths=lengths is not None, stateful=stateful)
    with net.built_for(x), net.guard.reading(kind.value):
        program = net.pool.lease(net, request, rows)
        try:
            program.attach(*x, *out, *ends)
            program.clear_states()
            program.run_all(len(x[0]), rows)
        finally:
            net.pool.give_back(program)
    return one_or_all(net.graph.output_names, out)
