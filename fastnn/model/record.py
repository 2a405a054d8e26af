"""Record: the outputs of an epoch, for metrics that are Python functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from fastnn.data.examples import Examples, Per
from fastnn.engine.port import Port
from fastnn.losses.own import takes_weights
from fastnn.model.history import Logs

#: function(y, t) -> float, or function(y, t, sample_weight)
Function = Callable[..., float]


def name_of(metric: str | Function) -> str:
    """The name of a metric in the logs."""
    if isinstance(metric, str):
        return metric
    return getattr(metric, "__name__", type(metric).__name__)


class Record:
    """The outputs of one output of a network, row by row as they are computed.

    index: of the output. port: where they leave the plan. shape: of a sample's output. steps: whether that has one for
    each step of a sequence. functions: by the name of their metric in the logs.
    """

    def __init__(
        self, index: int, port: Port, shape: tuple[int, ...], steps: bool, functions: Mapping[str, Function]
    ) -> None:
        self.index, self.port, self.shape, self.steps, self.functions = index, port, shape, steps, functions
        self.outputs = np.empty(0, np.float32)

    def attach(self, samples: int) -> None:
        """Starts to record the outputs of that many samples."""
        self.outputs = np.empty((samples, *self.shape), np.float32)
        self.port.attach(self.outputs)

    def metrics(self, examples: Examples, done: int, order: np.ndarray | None) -> Logs:
        """The results of the functions for the first `done` samples, in the order in which they were computed.

        Of padded sequences they get the real steps only, (steps of all sequences, ...).
        """
        rows = slice(done) if order is None else order[:done]
        y, target = self.outputs[:done], examples.targets[self.index][rows]
        shape = self.shape[:-1] if examples.labels[self.index] else self.shape
        t = target.reshape(done, *shape)
        weight = None if examples.weights is None else examples.weights[rows]
        if weight is not None:
            weight = weight.reshape(done, *self.shape[:-1]) if examples.per is Per.POSITION else weight.reshape(done)
        if examples.lengths is not None and self.steps:
            real = np.arange(self.shape[0]) < examples.lengths[rows].reshape(-1, 1)
            if weight is not None and weight.ndim == 1:
                weight = np.broadcast_to(weight[:, None], real.shape)
            y, t, weight = y[real], t[real], None if weight is None else weight[real]
        return {name: self._value(name, function, y, t, weight) for name, function in self.functions.items()}

    @staticmethod
    def _value(name: str, function: Function, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None) -> float:
        if weight is not None and not takes_weights(function):
            raise ValueError(
                f"{name}: its parameters are (y, t), without sample_weight or class_weight; "
                f"define {name}(y, t, sample_weight) to receive them"
            )
        value = function(y, t, weight) if takes_weights(function) else function(y, t)
        if np.ndim(value) != 0 or np.asarray(value).dtype.kind not in "biuf":
            raise TypeError(f"{name}: expected it to return a number, got {value!r:.60}")
        return float(value)
