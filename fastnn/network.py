"""A network: how it is compiled, and the programs by which it predicts, evaluates and trains."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from fastnn import losses, optimizers
from fastnn.callbacks import Callback, History
from fastnn.common import checks
from fastnn.data import arrays
from fastnn.data.class_weights import sample_weights
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.formats import model_file
from fastnn.inference import predict as prediction
from fastnn.layers.graph import Graph
from fastnn.layers.symbol import Symbol
from fastnn.model.assembly import Assembly, below
from fastnn.model.build_program import Given, lower
from fastnn.model.objectives import Head, Losses, heads, one_or_all
from fastnn.model.parameters import Range
from fastnn.model.program import Pool
from fastnn.model.summary import table
from fastnn.training import custom_loop, fit as training, gradients, learning_rate_test

if TYPE_CHECKING:
    from fastnn.inference.predictor import Predictor
    from fastnn.inference.stream import Stream


class Network(Assembly):
    """Layers between inputs and outputs, any graph without cycles: net = Network(x, y), or with lists of symbols.

    inputs: what `Input` gave. outputs: what layers made of them; the layer's name is the output's. A layer that was
    called twice is shared: one set of parameters. Parameters belong to the network, not to its layers: a network of the
    same layers has its own; to share them, call one network as a layer of the other.
    seed: of the initial weights, the shuffling and the dropout; None draws one. name: what a network of which it is a
    layer calls it. stop_training ends a `fit` after the present step. metadata: notes of yours, plain JSON, which files
    and copies keep.
    Raises TypeError for what is no symbol, ValueError for an input that leads nowhere or is not given, and for two
    inputs, layers or outputs of one name.
    """

    def __init__(
        self,
        inputs: Symbol | Sequence[Symbol],
        outputs: Symbol | Sequence[Symbol],
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        first, last = (
            checks.listed(what, [given] if isinstance(given, Symbol) else given, Symbol, "what Input or layers gave")
            for what, given in (("inputs", inputs), ("outputs", outputs))
        )
        for symbol in first:
            if symbol.layer is not None:
                raise ValueError(f"inputs: {symbol!r} is made by a layer; begin with Input(...)")
        if not first or not last:
            raise ValueError(f"a Network needs at least one {'output' if first else 'input'}")
        self.assemble(Graph.between(first, last), seed, name)
        self.graph.enter([symbol.shape for symbol in first])
        self.make([symbol.shape for symbol in first])

    def assemble(self, graph: Graph, seed: int | None, name: str | None) -> None:
        super().assemble(graph, seed, name)
        self.optimizer: optimizers.Optimizer | None = None
        self.heads: tuple[Head, ...] = ()
        self.loss: losses.Loss | Losses | None = None
        self.metrics: Any = ()
        self.frozen: frozenset[str] = frozenset()
        self.history = History()
        self.stop_training = False
        self.metadata: dict[str, Any] = {}
        self.counters = {"epoch": 0, "step": 0, "update": 0}
        self.slots: dict[str, Tensor] = {}
        self.pool = Pool(lower)
        self.loop: custom_loop.Loop | None = None

    # Building and compiling.

    def adopted(self) -> None:
        self.slots = self._make_slots()
        self._verify()

    def forget(self) -> None:
        super().forget()
        self.slots = {}
        self._drop_plans()

    def _drop_plans(self) -> None:
        self.pool.clear()
        self.loop = None

    def compile(
        self,
        optimizer: optimizers.Optimizer | str = "adam",
        loss: losses.Loss | losses.Function | str | Mapping[str, Any] = "cross_entropy",
        metrics: Sequence[str] | Mapping[str, Sequence[str]] = (),
        loss_weights: Mapping[str, float] | None = None,
    ) -> Network:
        """Chooses how to train, by objects or names. Resets the slots; returns the network.

        A loss may also be your own function (y, t) -> (loss, dy), see `fastnn.losses.Own`.
        For several outputs, loss and metrics are one for all or a dict by output, loss_weights a dict, 1 for who is
        not in it; the loss is the weighted sum. What is not trainable now is frozen until the next compile.
        Raises ValueError for an unknown name (the message lists the known ones), or a loss that the last layer's
        activation does not fit; TypeError for something else than a name or an Optimizer.
        """
        resolved, outputs = optimizers.resolve(optimizer), self.graph.output_names
        self.take(resolved, heads(outputs, loss, metrics, loss_weights), self.untrained())
        return self

    def take(self, optimizer: optimizers.Optimizer, measured: tuple[Head, ...], frozen: frozenset[str]) -> None:
        """Compiles; frozen: layers by the path of their names."""
        with self.guard.changing("compile"):
            names = "optimizer", "heads", "loss", "metrics", "frozen", "slots", "counters"
            before = {name: getattr(self, name) for name in names}
            try:
                self.optimizer, self.heads, self.frozen = optimizer, measured, frozen
                outputs = [head.output for head in measured]
                criteria = [head.loss for head in measured]
                self.loss = criteria[0] if len(criteria) == 1 else Losses(zip(outputs, criteria, strict=True))
                self.metrics = one_or_all(outputs, [head.metrics for head in measured])
                self.counters = {**self.counters, "update": 0}
                if self._blocks is not None:
                    self.slots = self._make_slots()
                self._verify()
            except BaseException:
                vars(self).update(before)
                raise
            self._drop_plans()

    def _make_slots(self) -> dict[str, Tensor]:
        names = self.optimizer.slots() if self.optimizer else ()
        return {name: Tensor((self.blocks.size,)) for name in names}

    # Plans.

    def _verify(self) -> None:
        """Raises ValueError where the compiled loss or a metric does not fit the built layers."""
        if self.heads and self._blocks is not None:
            if not self.ranges():
                raise ValueError("the network has no parameters to train" + (": all are frozen" if self.frozen else ""))
            lower(self, "evaluate", 0, 1)  # targets as values, which suit every metric

    def ranges(self) -> list[Range]:
        """The parameters that are trained."""
        return self.blocks.ranges(below(self.blocks.wanted, self.frozen))

    def plan(self, batch_size: int = 32, training: bool = False) -> Plan:
        """A plan for batches of batch_size rows. Printed, it is the list of Ops that runs; `profile()` times each.

        For prediction, or for training: then with labels as targets where the loss takes them.
        Raises RuntimeError before the network is built or, for training, compiled.
        """
        rows = checks.integer("batch_size", batch_size)
        assert self.blocks
        with self.guard.reading("plan"):
            if not training:
                return lower(self, "predict", 0, rows).plan
            assert self.compiled
            labels = sum(head.loss.takes_labels << i for i, head in enumerate(self.heads))
            plan = lower(self, "train", labels, rows).plan
            plan.guard = self.guard
            return plan

    predict, classify, evaluate = prediction.predict, prediction.classify, prediction.evaluate

    @property
    def compiled(self) -> losses.Loss | Losses:
        """The loss, or those of several outputs by name. Raises RuntimeError before compile."""
        if self.loss is None:
            raise RuntimeError("the network is not compiled: call compile(optimizer, loss) first")
        return self.loss

    def examples(
        self, x: Any, y: Any, weight: Any = None, lengths: Any = None, stateful: bool = False
    ) -> tuple[list[np.ndarray], list[np.ndarray], int]:
        """Arrays for the inputs; for the outputs, then the weights and lengths that are given; and bits for `lower`."""
        assert self.compiled
        x, shapes = self.samples(x)
        found, labels, names = [], 0, self.graph.output_names
        for i, (given, shape, head) in enumerate(zip(arrays.parted("y", y, names), shapes, self.heads, strict=True)):
            name = "y" if len(names) == 1 else f"y[{names[i]!r}]"
            target, are_labels = arrays.targets(given, len(x[0]), shape, head.loss.takes_labels, name)
            found.append(target)
            labels |= are_labels << i
        if weight is not None:
            found.append(arrays.weights(weight, len(x[0]), shapes))
            each = Given.WEIGHTS if found[-1].size == len(x[0]) else Given.WEIGHTS_OF_POSITIONS
            labels |= each << len(names)
        if lengths is not None:
            found.append(arrays.lengths(lengths, len(x[0])))
            self.graph.times([array.shape[1:] for array in x])
            labels |= Given.LENGTHS << len(names)
        if checks.flag("stateful", stateful):
            labels |= Given.STATE << len(names)
        return x, found, labels

    # Training.

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        epochs: int = 1,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        callbacks: Sequence[Callback] = (),
        verbose: int = 1,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | str | None = None,
        lengths: Any = None,
        stateful: bool = False,
    ) -> History:
        """Trains for `epochs` passes over x and y in batches, the last one shorter, and returns their History.

        For several inputs or outputs, x and y are lists, tuples or dicts by name, in validation_data too.
        Each epoch's loss and metrics are means over its samples as training saw them; with validation_data (x, y) also
        "val_loss" and so on. Called again it goes on where it stood, with a new History. verbose: 1 shows progress, 0
        nothing. Ctrl-C, or an exception in a callback, leaves the network after its last whole step and the History in
        `history`.
        sample_weight: (batch,), or of maps (batch, height, width), one for each position; numbers >= 0, in
        validation_data as a third item. class_weight: a dict from class to weight, 1 for classes that it leaves out, or
        "balanced": samples, or positions, / (classes * those of the class). The two are multiplied, and losses and
        metrics are weighted means.
        lengths: (batch,), the steps of each sequence, where x (batch, time, features) holds shorter ones too; in
        validation_data as a fourth item. They are those of all inputs of that form, and of more than one id. What lies
        beyond is not looked at: padding changes no result by a bit. Losses and metrics of outputs at each step are
        means over the steps that there are.
        stateful: each sample of a batch goes on where the same one of the batch before ended: recurrent layers begin
        with the states that they had there, through which no gradient goes (truncated backpropagation, Williams & Peng
        1990). An epoch begins with zeros. It takes shuffle=False and batches that are all full, in validation_data too;
        `datasets.streams` cuts long sequences so.
        Raises RuntimeError before compile, ValueError and TypeError for data that do not fit: then nothing is changed.
        What is found in the data on the way (NaN, a label out of range) stops before that step. FloatingPointError
        where the loss stops being finite: the network is put back to the last finite epoch.
        """
        weight = sample_weights(self, x, y, sample_weight, class_weight, lengths)
        given = x, y, weight, lengths, stateful
        return training.fit(self, given, batch_size, epochs, validation_data, shuffle, callbacks, verbose)

    def reset_state(self) -> None:
        """Forgets what `train_on_batch` with stateful=True carries on: the next batch begins with zeros."""
        with self.guard.changing("reset_state"):
            self.pool.forget()

    train_on_batch = training.train_on_batch
    forward, backward, step, zero_grad = (
        custom_loop.forward,
        custom_loop.backward,
        custom_loop.step,
        custom_loop.zero_grad,
    )
    gradient = gradients.gradient
    averaged, find_learning_rate = training.averaged, learning_rate_test.find_learning_rate

    @overload
    def freeze(self, batch_size: int = 1, *, streaming: Literal[False] = False) -> Predictor: ...
    @overload
    def freeze(self, batch_size: int = 1, *, streaming: Literal[True]) -> Stream: ...
    def freeze(self, batch_size: int = 1, *, streaming: bool = False) -> Predictor | Stream:
        """A function of the network as it is now, for hot loops: weights packed, any thread may call it.

        f = net.freeze(); f(x) for x of a sample's shape, or for up to batch_size of them (n, ...), gives the bits of
        `predict`, but for rounding where a BatchNorm is folded into a Dense; f(x, out=out) writes into out; f.refresh()
        takes the present weights. streaming: for a recurrent network one step of time at a time, y_t = f.step(x_t),
        with the state kept in f until f.reset(); batch_size: of how many streams, for one x_t may be without its axis.
        Raises RuntimeError before the network is built, ValueError for batch_size < 1, and for a network that cannot go
        step by step: one that needs sequences as a whole.
        """
        from fastnn.inference.predictor import Predictor
        from fastnn.inference.stream import Stream

        if len(self.graph.inputs) > 1 or len(self.graph.outputs) > 1:
            raise ValueError("freeze: takes a network of one input and one output; use predict")
        with self.guard.reading("freeze"):
            return (Stream if checks.flag("streaming", streaming) else Predictor)(self, batch_size)

    # Files and copies.

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes weights, slots, counters, seed, architecture and metadata to one safetensors file, or nothing.

        Raises TypeError for metadata that are not plain JSON, ValueError for two classes of layers, or two losses of
        yours, of one name, OSError where the file cannot be written.
        """
        with self.guard.reading("save"):
            model_file.save(self, path)

    def __reduce__(self) -> tuple[Any, ...]:
        with self.guard.reading("copying"):
            return model_file.from_bytes, (model_file.to_bytes(self), *model_file.owned(self))

    # What a person sees.

    def __str__(self) -> str:
        return table(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"

    def summary(self) -> None:
        """Prints layers, output shapes, parameter counts and memory."""
        print(self)
