"""Examples: what a network is trained or evaluated on, checked and made ready once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Examples(NamedTuple):
    """Arrays in a form that ports accept, all of the same number of samples.

    inputs, targets: in the order of the network's inputs and outputs. labels: for each output, whether its targets are
    class numbers. weights: for each output (n,), or one for each of its positions or elements, or None; empty without
    any. lengths: arrays (n,), the steps of each sequence. ending: for each input the number of its own, or -1; empty
    without any. stateful: whether each batch continues the sequences of the batch before. choose: for each output the
    number (n,) of the element that its target is of, or one for each of its positions, or None; empty without any.
    """

    inputs: list[np.ndarray]
    targets: list[np.ndarray]
    labels: tuple[bool, ...]
    weights: Sequence[np.ndarray | None] = ()
    lengths: Sequence[np.ndarray] = ()
    ending: tuple[int, ...] = ()
    stateful: bool = False
    choose: Sequence[np.ndarray | None] = ()

    @property
    def size(self) -> int:
        """The number of samples."""
        return len(self.inputs[0])

    @property
    def weighing(self) -> tuple[int, ...]:
        """How many weights a sample has for each output: 0 for none; empty without any."""
        return tuple(0 if each is None else each.size // self.size for each in self.weights)

    @property
    def chosen(self) -> tuple[bool, ...]:
        """Of which outputs an element is chosen; empty without any."""
        return tuple(each is not None for each in self.choose)

    @property
    def layout(self) -> tuple[object, ...]:
        """What all batches of an epoch have in common."""
        dtypes = tuple(str(array.dtype) for array in self.arrays)
        return dtypes, self.labels, self.weighing, self.chosen, self.ending

    def like(self, other: Examples) -> bool:
        """Whether one program suits both, but for the lengths of free axes."""
        if self.features == other.features:
            return self.layout == other.layout
        mine, theirs = (each._replace(weights=[], choose=[]).layout[1:] for each in (self, other))
        return mine == theirs and tuple(map(bool, self.weighing)) == tuple(map(bool, other.weighing))

    def apart(self, ending: tuple[int, ...]) -> Examples:
        """The same with an array of lengths for each number of `ending`: inputs of equal lengths have one until then.

        Unchanged where other inputs have lengths, or those of two inputs should be one array and differ.
        """
        own = dict(zip(ending, self.ending, strict=False))
        known = [each >= 0 for each in ending] == [each >= 0 for each in self.ending]
        if not ending or not known or tuple(own[each] for each in ending) != self.ending:
            return self
        return self._replace(lengths=[self.lengths[own[each]] for each in range(max(ending) + 1)], ending=ending)

    @property
    def features(self) -> list[tuple[int, ...]]:
        """The shapes of a sample of the inputs."""
        return [array.shape[1:] for array in self.inputs]

    def of(self, arrays: Sequence[np.ndarray]) -> Examples:
        """The same with other `arrays`."""
        found = iter(arrays)
        return self._replace(
            inputs=[next(found) for _ in self.inputs],
            targets=[next(found) for _ in self.targets],
            weights=[None if each is None else next(found) for each in self.weights],
            choose=[None if each is None else next(found) for each in self.choose],
            lengths=[next(found) for _ in self.lengths],
        )

    @property
    def arrays(self) -> list[np.ndarray]:
        """All arrays, in the order of a program's ports."""
        extra = [array for array in (*self.weights, *self.choose, *self.lengths) if array is not None]
        return [*self.inputs, *self.targets, *extra]

    def part(self, rows: np.ndarray) -> tuple[Any, Any]:
        """x and y of these samples, copied, as `fit` takes them."""
        x, y = ([array[rows] for array in each] for each in (self.inputs, self.targets))
        return x if len(x) > 1 else x[0], y if len(y) > 1 else y[0]
