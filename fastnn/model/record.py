"""Record: the outputs of an epoch, for metrics that are Python functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
        self.seen: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]] = []

    def attach(self, samples: int) -> None:
        """Starts to record the outputs of that many samples."""
        self.outputs = np.empty((samples, *self.shape), np.float32)
        self.port.attach(self.outputs)

    def take(self, examples: Examples, rows: slice, order: np.ndarray | None) -> None:
        """Adds the outputs in these rows, and the examples' targets and weights, in the order in which they were run.

        Of padded sequences only the real steps are taken, (steps of all sequences, ...).
        """
        y, chosen = self.outputs[rows], rows if order is None else order[rows]
        target = np.array(examples.targets[self.index][chosen])  # the window's buffers are used again
        shape = self.shape[:-1] if examples.labels[self.index] else self.shape
        t = target.reshape(len(y), *shape)
        weight = None if examples.weights is None else np.array(examples.weights[chosen])
        if weight is not None:
            weight = weight.reshape(len(y), *self.shape[:-1] if examples.per is Per.POSITION else ())
        if examples.lengths is not None and self.steps:
            real = np.arange(self.shape[0]) < examples.lengths[chosen].reshape(-1, 1)
            if weight is not None and weight.ndim == 1:
                weight = np.broadcast_to(weight[:, None], real.shape)
            y, t, weight = y[real], t[real], None if weight is None else weight[real]
        self.seen.append((y, t, weight))

    def kept(self) -> dict[str, np.ndarray]:
        """What was taken since the last `metrics`, as arrays by name."""
        columns = zip(*self.seen, strict=True)
        parts = zip(("outputs", "targets", "weights"), columns, strict=False)
        return {name: _joined(part) for name, part in parts if part[0] is not None}

    def restore(self, kept: dict[str, np.ndarray]) -> None:
        """Takes what `kept` returned."""
        self.seen = [(kept["outputs"], kept["targets"], kept.get("weights"))] if kept else []

    def metrics(self) -> Logs:
        """The results of the functions for all that was taken since the last call."""
        outputs, targets, weights = zip(*self.seen, strict=True)
        self.seen = []
        y, t = _joined(outputs), _joined(targets)
        weight = None if weights[0] is None else _joined(weights)
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


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
