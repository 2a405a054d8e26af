"""A network: layers with their parameters, and the plans by which it predicts, evaluates and trains."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import arrays, checks, differentiation, files, loop, losses, optimizers, training
from fastnn import metrics as measures
from fastnn.callbacks import Callback, History, Logs
from fastnn.guard import Guard
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering import Lowering, Value
from fastnn.plan import Plan
from fastnn.program import Pool
from fastnn.programs import lower, rows_of
from fastnn.randomness import checked_seed
from fastnn.summary import table
from fastnn.tensor import Tensor
from fastnn.weights import Parameters, Views

if TYPE_CHECKING:
    from fastnn.predictor import Predictor

_BUILT = nullcontext()


class Network(ABC):
    """What every network has. A subclass says which layers there are and how values flow through them.

    seed: of the initial weights, the shuffling and the dropout; None draws one. stop_training ends a `fit` after the
    present step. metadata: notes of yours, plain JSON, which files and copies keep.
    """

    def __init__(self, seed: int | None) -> None:
        self.seed = checked_seed(seed)
        self.input_shape: tuple[int, ...] | None = None
        self.output_shape: tuple[int, ...] = ()
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: losses.Loss | None = None
        self.metrics: tuple[str, ...] = ()
        self.history = History()
        self.stop_training = False
        self.metadata: dict[str, Any] = {}
        self.counters = {"epoch": 0, "step": 0, "update": 0}
        self.guard = Guard()
        self.slots: dict[str, Tensor] = {}
        self._parameters: Parameters | None = None
        self._weights: Views | None = None
        self._gradients: Views | None = None
        self.pool = Pool(lower)
        self.loop: loop.Loop | None = None

    # What a subclass defines.

    @abstractmethod
    def named_layers(self) -> list[tuple[str, Layer]]:
        """The layers with their names, in order."""

    @abstractmethod
    def shapes(self, features: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Each layer's output shape for an input (batch, *features). Raises ValueError where a layer does not fit."""

    @abstractmethod
    def wanted(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        """The parameters and statistics, by "layer.parameter"."""

    @abstractmethod
    def lower(self, plan: Lowering, x: Value) -> Value:
        """Emits the forward Ops and registers the backward; returns the output."""

    # Building and compiling.

    def build(self, input_shape: Sequence[int]) -> Network:
        """Makes the parameters for inputs (batch, *input_shape), and returns the network.

        Raises ValueError for a shape that does not fit the layers, or another one than it has been built for;
        MemoryError where the parameters do not fit into memory.
        """
        features = checks.shape("input_shape", input_shape)
        with self.guard.changing("build", nested=True):
            if self._parameters is None:
                parameters = Parameters(self.wanted(features))
                parameters.initialize(self.seed)
                self.adopt(features, parameters)
            elif features != self.input_shape:
                raise ValueError(f"the network is built for {self.input_shape}; make a new one for {features}")
        return self

    def adopt(self, features: tuple[int, ...], parameters: Parameters) -> None:
        """Takes parameters made for inputs (batch, *features). Raises ValueError where the loss does not fit them."""
        slots = self._make_slots(parameters)
        weights = {name: weight.value.array for name, weight in parameters.weights.items()}
        views = [Views(arrays, self.guard) for arrays in (weights, parameters.views(parameters.gradients))]
        self.input_shape, self.output_shape = features, self.shapes(features)[-1]
        self._parameters, (self._weights, self._gradients), self.slots = parameters, views, slots
        try:
            self._verify()
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        """Undoes a build."""
        self.input_shape, self.output_shape = None, ()
        self._parameters, self._weights, self._gradients, self.slots = None, None, None, {}
        self._drop_plans()

    def _drop_plans(self) -> None:
        self.pool.clear()
        self.loop = None

    def compile(
        self,
        optimizer: optimizers.Optimizer | str = "adam",
        loss: str = "cross_entropy",
        metrics: Sequence[str] = (),
    ) -> Network:
        """Chooses how to train, by objects or names. Resets the slots; returns the network.

        Raises ValueError for an unknown name (the message lists the known ones), or a loss that the last layer's
        activation does not fit; TypeError for something else than a name or an Optimizer.
        """
        resolved, criterion = optimizers.resolve(optimizer), losses.resolve(loss)
        names = tuple(checks.listed("metrics", metrics, str, "names"))
        for name in names:
            measures.resolve(name)
        with self.guard.changing("compile"):
            before = self.optimizer, self.loss, self.metrics, self.slots, self.counters
            try:
                self.optimizer, self.loss, self.metrics = resolved, criterion, names
                self.counters = {**self.counters, "update": 0}
                if self._parameters is not None:
                    self.slots = self._make_slots(self._parameters)
                self._verify()
            except BaseException:
                self.optimizer, self.loss, self.metrics, self.slots, self.counters = before
                raise
            self._drop_plans()
        return self

    def _make_slots(self, parameters: Parameters) -> dict[str, Tensor]:
        names = self.optimizer.slots() if self.optimizer else ()
        return {name: Tensor(parameters.shape) for name in names}

    # Parameters.

    @property
    def built(self) -> Parameters:
        """The parameters. Raises RuntimeError before the network is built."""
        if self._parameters is None:
            raise RuntimeError("the network is not built: give it an input_shape, call build((...)), or fit it first")
        return self._parameters

    @property
    def weights(self) -> Views:
        """Each weight and running statistic by name, a writable view that counts from the next call on."""
        assert self.built and self._weights is not None
        return self._weights

    @property
    def gradients(self) -> Views:
        """Each gradient of the last training step by name."""
        assert self.built and self._gradients is not None
        return self._gradients

    @property
    def parameters(self) -> np.ndarray:
        """The whole block of parameters, 1-D, with zeros between the tensors; a writable view."""
        return self.built.values.array

    # Plans.

    def _verify(self) -> None:
        """Raises ValueError where the compiled loss or a metric does not fit the built layers."""
        if self.loss is not None and self._parameters is not None:
            if not self._parameters.wanted:
                raise ValueError("the network has no parameters to train")
            lower(self, "evaluate", False, 1)  # targets as values, which suit every metric

    def plan(self, batch_size: int = 32, training: bool = False) -> Plan:
        """A plan for batches of batch_size rows. Printed, it is the list of Ops that runs; `profile()` times each.

        For prediction, or for training: then with labels as targets where the loss takes them.
        Raises RuntimeError before the network is built or, for training, compiled.
        """
        rows = checks.integer("batch_size", batch_size)
        assert self.built
        with self.guard.reading("plan"):
            if not training:
                return lower(self, "predict", False, rows).plan
            plan = lower(self, "train", self.compiled.takes_labels, rows).plan
            plan.guard = self.guard
            return plan

    # Prediction.

    def predict(self, x: Any, batch_size: int | None = None) -> np.ndarray:
        """The outputs for x (batch, ...), float32 (batch, ...). A NaN in a row of x makes that row of the output NaN.

        batch_size: rows that run at once; None lets fastnn choose. Raises ValueError and TypeError for an x that does
        not fit.
        """
        x, shape = self.samples(x)
        out = np.empty((len(x), *shape), np.float32)
        self._read("predict", x, batch_size, out)
        return out

    def classify(self, x: Any, batch_size: int | None = None) -> np.ndarray:
        """The class of each row of x, int64 (batch,): the greatest output; the softmax is not computed.

        For one output: whether its probability is >= 0.5.
        Raises ValueError for a network that predicts values, and for an x that does not fit or is not finite.
        """
        x, _ = self.samples(x)
        out = np.empty(len(x), np.int64)
        self._read("classify", x, batch_size, out)
        return out

    def _read(self, kind: str, x: np.ndarray, batch_size: int | None, out: np.ndarray) -> None:
        rows = rows_of(batch_size, len(x))
        with self.built_for(x), self.guard.reading(kind):
            program = self.pool.lease(self, kind, rows)
            try:
                program.attach(x, out=out)
                program.run_all(len(x), rows)
            finally:
                self.pool.give_back(program)

    def evaluate(self, x: Any, y: Any, batch_size: int | None = None) -> Logs:
        """The loss and the metrics over x and y: {"loss": ..., "accuracy": ...}.

        Raises RuntimeError before compile, ValueError and TypeError for x and y that do not fit or are not finite.
        """
        takes_labels = self.compiled.takes_labels
        x, shape = self.samples(x)
        y, labels = arrays.targets(y, len(x), shape, takes_labels)
        rows = rows_of(batch_size, len(x))
        with self.built_for(x), self.guard.reading("evaluate"):
            program = self.pool.lease(self, "evaluate", rows, labels)
            try:
                program.attach(x, y)
                program.reset()
                program.run_all(len(x), rows)
                return program.means()
            finally:
                self.pool.give_back(program)

    @property
    def compiled(self) -> losses.Loss:
        """The loss. Raises RuntimeError before compile."""
        if self.loss is None:
            raise RuntimeError("the network is not compiled: call compile(optimizer, loss) first")
        return self.loss

    def samples(self, x: Any) -> tuple[np.ndarray, tuple[int, ...]]:
        """x as an array that fits the input, and the output's shape for it; nothing is built yet."""
        if self.input_shape is not None:
            return arrays.samples(x, self.input_shape, self), self.output_shape
        array = arrays.numbers("x", x)
        if array.ndim < 2 or not array.size:
            raise ValueError(f"x: expected samples (batch, ...), got shape {array.shape}")
        features = checks.shape("x.shape[1:]", array.shape[1:])
        return arrays.samples(array, features, self), self.shapes(features)[-1]

    def built_for(self, x: np.ndarray) -> AbstractContextManager[object]:
        """A context in which the network is built, by its first data; if that fails it is as if they had not come."""
        return _BUILT if self.input_shape is not None else self._first(x)

    @contextmanager
    def _first(self, x: np.ndarray) -> Iterator[None]:
        self.build(x.shape[1:])
        try:
            yield
        except BaseException:
            self._forget()
            raise

    # Training.

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        epochs: int = 1,
        validation_data: tuple[Any, Any] | None = None,
        shuffle: bool = True,
        callbacks: Sequence[Callback] = (),
        verbose: int = 1,
    ) -> History:
        """Trains for `epochs` passes over x and y in batches, the last one shorter, and returns their History.

        Each epoch's loss and metrics are means over its samples as training saw them; with validation_data (x, y) also
        "val_loss" and so on. Called again it goes on where it stood, with a new History. verbose: 1 shows progress, 0
        nothing. Ctrl-C, or an exception in a callback, leaves the network after its last whole step and the History in
        `history`.
        Raises RuntimeError before compile, ValueError and TypeError for data that do not fit: then nothing is changed.
        What is found in the data on the way (NaN, a label out of range) stops before that step. FloatingPointError
        where the loss stops being finite: the network is put back to the last finite epoch.
        """
        return training.fit(self, x, y, batch_size, epochs, validation_data, shuffle, callbacks, verbose)

    train_on_batch = training.train_on_batch
    forward, backward, step, zero_grad = loop.forward, loop.backward, loop.step, loop.zero_grad
    gradient = differentiation.gradient

    def freeze(self, batch_size: int = 1) -> Predictor:
        """A function of the network as it is now, for hot loops: weights packed, any thread may call it.

        f = net.freeze(); f(x) for x of a sample's shape, or for up to batch_size of them (n, ...), gives the bits of
        `predict`, but for rounding where a BatchNorm is folded into a Dense; f(x, out=out) writes into out; f.refresh()
        takes the present weights. Raises RuntimeError before the network is built, ValueError for batch_size < 1.
        """
        from fastnn.predictor import Predictor

        with self.guard.reading("freeze"):
            return Predictor(self, batch_size)

    # Files and copies.

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes weights, slots, counters, seed, architecture and metadata to one safetensors file, or nothing.

        Raises TypeError for metadata that are not plain JSON, OSError where the file cannot be written.
        """
        with self.guard.reading("save"):
            files.save(self, path)

    def __reduce__(self) -> tuple[Any, ...]:
        with self.guard.reading("copying"):
            own = {type(layer).__name__: type(layer) for _, layer in self.named_layers()}
            return files.from_bytes, (files.to_bytes(self), own)

    # What a person sees.

    def __str__(self) -> str:
        return table(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(repr(layer) for _, layer in self.named_layers())})"

    def summary(self) -> None:
        """Prints layers, output shapes, parameter counts and memory."""
        print(self)
