"""Examples: what a network is trained or evaluated on, checked and made ready once."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np


class Per(Enum):
    """What each sample weight belongs to."""

    SAMPLE = "sample"
    POSITION = "position"
    ELEMENT = "element"


class Examples(NamedTuple):
    """Arrays in a form that ports accept, all of the same number of samples.

    inputs, targets: in the order of the network's inputs and outputs. labels: for each output, whether its targets are
    class numbers. weights: (n,), or one for each position of the outputs, or of the only output's `elements`; lengths:
    (n,), the steps of each sequence; None where they are not given. stateful: whether each batch continues the
    sequences of the batch before.
    """

    inputs: list[np.ndarray]
    targets: list[np.ndarray]
    labels: tuple[bool, ...]
    weights: np.ndarray | None = None
    lengths: np.ndarray | None = None
    stateful: bool = False
    elements: bool = False

    @property
    def size(self) -> int:
        """The number of samples."""
        return len(self.inputs[0])

    @property
    def per(self) -> Per | None:
        """What each weight belongs to."""
        if self.weights is None:
            return None
        if self.elements:
            return Per.ELEMENT
        return Per.SAMPLE if self.weights.size == self.size else Per.POSITION

    @property
    def layout(self) -> tuple[object, ...]:
        """What all batches of an epoch have in common."""
        dtypes = tuple(str(array.dtype) for array in self.arrays)
        return dtypes, self.labels, self.per, self.lengths is not None

    def of(self, arrays: Sequence[np.ndarray]) -> Examples:
        """The same with other `arrays`."""
        found = iter(arrays)
        return self._replace(
            inputs=[next(found) for _ in self.inputs],
            targets=[next(found) for _ in self.targets],
            weights=None if self.weights is None else next(found),
            lengths=None if self.lengths is None else next(found),
        )

    @property
    def arrays(self) -> list[np.ndarray]:
        """All arrays, in the order of a program's ports."""
        extra = [array for array in (self.weights, self.lengths) if array is not None]
        return [*self.inputs, *self.targets, *extra]

    def part(self, rows: np.ndarray) -> tuple[Any, Any]:
        """x and y of these samples, copied, as `fit` takes them."""
        x, y = ([array[rows] for array in each] for each in (self.inputs, self.targets))
        return x if len(x) > 1 else x[0], y if len(y) > 1 else y[0]
