"""Prediction: the outputs for inputs, their classes, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from fastnn.common import checks
from fastnn.inference.feeding import Given, feed
from fastnn.inference.running import chosen_rows, measure, run
from fastnn.model.average import require_average
from fastnn.model.compiled import Compiled
from fastnn.model.history import Logs
from fastnn.model.request import Kind, Request

_PREDICT, _CLASSIFY = Request(Kind.PREDICT), Request(Kind.CLASSIFY)

if TYPE_CHECKING:
    from fastnn.inference.predictor import Predictor
    from fastnn.inference.stream import Stream


class Prediction(Compiled):
    """The verbs by which a network is used."""

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        lengths: Any = None,
        stateful: bool = False,
        rows: Any = None,
    ) -> Any:
        """Compute the outputs for x.

        Parameters
        ----------
        x : array (batch, ...), dataset, Loader, path or callable
            Samples. For several inputs a list, a tuple or a dict by name. Or one of what `fit` accepts instead of
            arrays, whose targets are ignored. A NaN in a row makes that row's outputs NaN.
        batch_size : int, optional
            Rows that run at once; None lets fastnn choose.
        lengths : array of int (batch,) or dict, optional
            The number of steps of each sequence, as in `fit`; outputs at later steps are 0.
        stateful : bool, default False
            Whether each batch continues the sequences of the batch before, as in `fit`.
        rows : array of int (n,), optional
            The samples to take, as in `fit`: the outputs are (n, ...).

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
        return run(self, _PREDICT, x, batch_size, lengths, stateful, rows)

    def classify(self, x: Any, batch_size: int | None = None, lengths: Any = None, rows: Any = None) -> Any:
        """Compute the class of each row of x: the argmax of the outputs.

        The softmax is not computed. For one output, the class is whether its probability is >= 0.5. Several sigmoid
        outputs are labels that do not exclude each other: for each, whether it is >= 0.5.

        Parameters
        ----------
        x, batch_size, lengths, rows
            As in `predict`.

        Returns
        -------
        array, int64 (batch,)
            For feature maps (batch, height, width, classes) the class at each position, (batch, height, width). For
            labels a 0 or 1 for each, (batch, labels). For several outputs a dict by name.

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
        return run(self, _CLASSIFY, x, batch_size, lengths, rows=rows)

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        lengths: Any = None,
        stateful: bool = False,
        choose: Any = None,
        rows: Any = None,
    ) -> Logs:
        """Compute the loss and the metrics over x and y.

        Parameters
        ----------
        x, batch_size, lengths, stateful, rows
            As in `predict`.
        y : array, optional
            Targets, as in `fit`. For several outputs a list, a tuple or a dict by name. Without y, x holds them.
        sample_weight : array, optional
            As in `fit`: losses and metrics are weighted means.
        choose : array of int or dict, optional
            As in `fit`: losses and metrics are of the chosen outputs.

        Returns
        -------
        dict of str to float
            "loss" and each metric. If layers have penalties (l1, l2), "penalty" is their sum, which "loss" includes.
            For several outputs "loss" is the weighted sum, the others are "<output>_loss", "<output>_accuracy" and so
            on.

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
        given = Given.of(self, x, y, sample_weight, lengths, choose, rows)
        self.require_loss()
        rows_of_a_run = chosen_rows(batch_size, stateful, given)
        return measure(self, feed(given, self.maker(stateful), rows_of_a_run, stateful=stateful))

    def losses(self, x: Any, y: Any, lengths: Any = None) -> np.ndarray:
        """Compute the loss of each sample alone: which are learnt worst, or are unlike all others.

        Parameters
        ----------
        x, y, lengths
            As in `evaluate`: arrays.

        Returns
        -------
        array, float64 (batch,)
            Without penalties; for several outputs the weighted sum of their losses.

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
        >>> net.losses(np.zeros((3, 4)), [0, 1, 2])
        array([0., 1., 4.])
        """
        self.require_loss()
        examples = self.examples(x, y, lengths=lengths)
        found = np.empty(examples.size)
        with self.built_for(examples.inputs), self.guard.reading("losses"):
            program = self.pool.lease(self, self.at(Request.of(Kind.EVALUATE, examples), examples.inputs), 1)
            try:
                program.attach(*examples.arrays)
                for i in range(examples.size):
                    program.run_all(i + 1, 1, i, update=self.counters.update)
                    logs = program.last()
                    found[i] = logs["loss"] - logs.get("penalty", 0.0)
            finally:
                self.pool.give_back(program)
        return found

    @overload
    def freeze(
        self, batch_size: int = 1, *, streaming: Literal[False] = False, averaged: bool = False, input_shape: Any = None
    ) -> Predictor: ...
    @overload
    def freeze(
        self,
        batch_size: int = 1,
        *,
        streaming: Literal[True],
        averaged: bool = False,
        capacity: int | None = None,
        held: Sequence[str] = (),
        input_shape: Any = None,
    ) -> Stream: ...
    def freeze(
        self,
        batch_size: int = 1,
        *,
        streaming: bool = False,
        averaged: bool = False,
        capacity: int | None = None,
        held: Sequence[str] = (),
        input_shape: Any = None,
    ) -> Predictor | Stream:
        """Make a function of the network as it is now, for hot loops.

        Its weights are packed, and any thread may call it. f(x), for one x of a sample's shape or up to batch_size of
        them (n, ...), gives the bits of `predict`, but for rounding where a BatchNorm is folded into the layer before;
        f(x, out=out) writes into out; f.classify(x) gives the class, of one x an int; f.refresh() takes the network's
        present weights, f.refresh(tau=0.005) moves towards them. Several inputs and outputs are as in `predict`.

        Parameters
        ----------
        batch_size : int, default 1
            The most rows of a call; with streaming, the number of streams.
        streaming : bool, default False
            One time step at a time, y_t = f.step(x_t): for networks of recurrent layers, causal attention and causal
            Conv1D. The state stays in f until f.reset(), which also takes the inputs that are the same at all steps.
        averaged : bool, default False
            Whether the moving average of the weights is frozen, which the optimizer's setting ema keeps, as
            `averaged()` does.
        capacity : int, optional
            With streaming, the most steps of a sequence that causal attention keeps; None is the network's number of
            steps. PositionEmbedding has no numbers for more than that.
        held : list of str, default ()
            With streaming, names of inputs that are the same at all steps although the outputs follow them in time: a
            sequence that is pooled to a condition, say. Others are found, see `Stream`.
        input_shape : tuple of int, optional
            Of a sample, where the network has axes of any length: the function is for these; for several inputs a list
            or a dict.

        Returns
        -------
        Predictor or Stream

        Raises
        ------
        RuntimeError
            Before the network is built; with averaged where the optimizer has no ema.
        ValueError
            For batch_size < 1, a capacity where nothing needs it, held names that are no inputs, and with streaming for
            a network that needs sequences as a whole.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> f = fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=0).freeze()
        >>> f(np.zeros(4, np.float32))
        array([0., 0., 0.], dtype=float32)
        """
        from fastnn.inference.predictor import Predictor
        from fastnn.inference.stream import Stream

        if not checks.flag("streaming", streaming) and (capacity is not None or held):
            raise ValueError(f"freeze: {'held' if held else 'capacity'} goes with streaming=True")
        if checks.flag("averaged", averaged):
            require_average(self, "freeze")
        sizes = () if streaming and input_shape is None else self.chosen(input_shape, "freeze")
        with self.guard.reading("freeze"):
            if streaming:
                return Stream(self, batch_size, averaged, capacity, held, sizes)
            return Predictor(self, batch_size, averaged, sizes)
