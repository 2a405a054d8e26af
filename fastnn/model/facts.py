"""Facts: what a fit notes of itself, by which its History can be judged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastnn.losses import Loss

#: The most targets that are kept, and the most of their elements, to measure constant predictions on.
MOST_TARGETS, MOST_ELEMENTS = 512, 1 << 16
#: Places spread evenly over 2**32, whatever the order of the data: multiples of the golden ratio.
_SPREAD = np.arange(MOST_TARGETS) * 2654435769 % (1 << 32)


class Targets(NamedTuple):
    """Some targets of an output, with its loss. weight: of the loss in the sum of all; width: of the output."""

    values: np.ndarray
    labels: bool
    loss: Loss
    weight: float
    width: int


class Facts(NamedTuple):
    """What a fit notes at its start.

    samples, validation_samples: 0 where they are unknown, or there are none. shapes: of the parameters.
    optimizer: its class. learning_rate: None where there is a schedule, or none.
    randomized: whether dropout, noise or augmentation acts in training only. dropout: the largest rate. penalty: the
    largest factor, l1 or l2. targets: where they are in memory.
    """

    samples: int
    validation_samples: int
    shapes: tuple[tuple[int, ...], ...]
    optimizer: str
    learning_rate: float | None
    randomized: bool
    dropout: float
    penalty: float
    targets: tuple[Targets, ...]

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @property
    def outputs(self) -> int:
        """The units of the last layer that has weights."""
        return max((shape[-1] for shape in self.shapes[-2:]), default=0)

    @property
    def narrowest(self) -> int:
        """The least units of a hidden layer, by the weights of all layers but the last; 0 for a linear network."""
        return min((shape[-1] for shape in [each for each in self.shapes if len(each) > 1][:-1]), default=0)

    def constant_losses(self) -> tuple[float, float] | None:
        """The loss of the best constant prediction, and of perfect outputs; None where no targets are known."""
        if not self.targets:
            return None
        pairs = [_losses(each) for each in self.targets]
        weights = [each.weight for each in self.targets]
        constant, perfect = (
            sum(w * value for w, value in zip(weights, side, strict=True)) for side in zip(*pairs, strict=True)
        )
        return (constant, perfect) if math.isfinite(constant + perfect) else None


def some(target: np.ndarray) -> np.ndarray:
    """A copy of at most MOST_TARGETS of the targets of an output."""
    count = min(MOST_TARGETS, max(1, MOST_ELEMENTS * len(target) // max(1, target.size)))
    if len(target) <= count:
        return target.copy()
    found: np.ndarray = target[_SPREAD[:count] * len(target) >> 32]
    return found


def _losses(known: Targets) -> tuple[float, float]:
    """The least loss of outputs that are the same for all samples, and of outputs made of the targets themselves."""
    t = np.eye(known.width)[known.values.astype(int)] if known.labels else known.values.astype(float)
    smoothing = getattr(known.loss, "label_smoothing", 0.0)
    t = (1 - smoothing) * t + smoothing / known.width
    constants = t.mean(axis=0, keepdims=True), np.median(t, axis=0, keepdims=True)
    return _least(known, *(np.broadcast_to(each, t.shape) for each in constants)), _least(known, t)


def _least(known: Targets, *means: np.ndarray) -> float:
    """The least loss of outputs that are these means, their logarithms or their logits: losses expect one of these."""
    found = [known.loss(y, known.values)[0] for mean in means for y in _outputs(mean)]
    return min(filter(math.isfinite, found), default=math.nan)


def _outputs(mean: np.ndarray) -> Iterator[np.ndarray]:
    yield mean
    if mean.min() >= 0:
        logarithm = np.log(np.maximum(mean, 1e-7))
        yield logarithm
        if mean.max() <= 1:
            yield logarithm - np.log(np.maximum(1 - mean, 1e-7))
