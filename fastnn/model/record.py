"""Record: the outputs of an epoch, for metrics that are computed in NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fastnn.data.examples import Examples
from fastnn.engine.port import Port
from fastnn.metrics import Meaning, Recorded
from fastnn.model.history import Logs
from fastnn.model.lengths import Ends

#: Outputs, targets and weights.
Seen = tuple[np.ndarray, np.ndarray, np.ndarray | None]


class Record:
    """The outputs of one output of a network, row by row as they are computed.

    index: of the output. port: where they leave the plan. shape: of a sample's output. ends: of sequences with lengths,
    which are those of the output. meaning: what it stands for. metrics: with the names of their values in the logs.
    """

    def __init__(
        self,
        index: int,
        port: Port,
        shape: tuple[int, ...],
        ends: Ends | None,
        meaning: Meaning,
        metrics: Sequence[tuple[Recorded, list[str]]],
    ) -> None:
        self.index, self.port, self.shape, self.ends = index, port, shape, ends
        self.meaning, self.metrics = meaning, metrics
        self.outputs = np.empty(0, np.float32)
        self.seen: list[Seen] = []

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
        weight = None
        given = examples.weights[self.index] if examples.weights else None
        if given is not None:
            shapes = (), self.shape[:-1], self.shape
            of_each = next(each for each in shapes if math.prod(each) * len(given) == given.size)
            weight = np.array(given[chosen]).reshape(len(y), *of_each)
        if self.ends is not None:
            real = self.ends.real(examples.lengths, chosen, self.shape[0])
            if weight is not None and weight.ndim == 1:
                weight = np.broadcast_to(weight[:, None], real.shape)
            y, t, weight = y[real], t[real], None if weight is None else weight[real]
        self.seen.append((y, t, weight))

    def kept(self) -> dict[str, np.ndarray]:
        """What was taken since the last `metrics`, as arrays by name."""
        columns = zip(*_alike(self.seen), strict=True)
        parts = zip(("outputs", "targets", "weights"), columns, strict=False)
        return {name: _joined(part) for name, part in parts if part[0] is not None}

    def restore(self, kept: dict[str, np.ndarray]) -> None:
        """Takes what `kept` returned."""
        self.seen = [(kept["outputs"], kept["targets"], kept.get("weights"))] if kept else []

    @property
    def names(self) -> list[str]:
        """The names in the logs."""
        return [name for _, names in self.metrics for name in names]

    def results(self) -> Logs:
        """The values of the metrics for all that was taken since the last call."""
        outputs, targets, weights = zip(*_alike(self.seen), strict=True)
        self.seen = []
        y, t = _joined(outputs), _joined(targets)
        weight = None if weights[0] is None else _joined(weights)
        values = [metric.of_arrays(y, t, weight, self.meaning) for metric, _ in self.metrics]
        return dict(zip(self.names, map(float, np.hstack(values)), strict=True))


def _alike(seen: list[Seen]) -> list[Seen]:
    """Outputs, targets and weights of different lengths as those of positions, (positions of all samples, ...)."""
    if len({y.shape[1:] for y, _, _ in seen}) <= 1:
        return seen
    found: list[Seen] = []
    for y, t, given in seen:
        weight = given
        if weight is not None and weight.ndim == 1:
            weight = np.broadcast_to(weight.reshape(-1, *[1] * (y.ndim - 2)), y.shape[:-1])
        if weight is not None:
            weight = weight.reshape(-1, *weight.shape[y.ndim - 1 :])
        found.append((y.reshape(-1, y.shape[-1]), t.reshape(-1, *t.shape[y.ndim - 1 :]), weight))
    return found


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
