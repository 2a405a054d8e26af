"""The blocks that hold a network's parameters and what goes with them, and the mappings by which users see them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fastnn import arrays
from fastnn.guard import Guard
from fastnn.initializers import INITIALIZERS
from fastnn.layers.base import Parameter
from fastnn.lowering import Weight
from fastnn.randomness import Purpose, generator
from fastnn.tensor import Tensor, aligned, bytes_of


class Parameters:
    """Parameters in one block, their gradients in another, slots in others: at the same offset in each.

    Statistics, which are not trained, have a block of their own. The padding between tensors is zero and stays zero, so
    a pass over a whole block is right.
    """

    def __init__(self, wanted: Mapping[str, Parameter]) -> None:
        self.wanted = dict(wanted)
        self.trained = [name for name, parameter in self.wanted.items() if not parameter.statistic]
        self.offsets: dict[str, int] = {}
        ends = {False: 0, True: 0}  # of the two blocks, by whether it is the statistics'
        for name, parameter in self.wanted.items():
            self.offsets[name] = ends[parameter.statistic]
            ends[parameter.statistic] += aligned(bytes_of(parameter.shape))
        self.shape = (ends[False] // 4,)
        self.values = Tensor(self.shape)
        self.gradients = Tensor(self.shape)
        self.statistics = Tensor((ends[True] // 4,))
        self.weights = {
            name: Weight(self.view(self.statistics, name))
            if parameter.statistic
            else Weight(self.view(self.values, name), self.view(self.gradients, name))
            for name, parameter in self.wanted.items()
        }

    def view(self, flat: Tensor, name: str) -> Tensor:
        """The part of a flat block that belongs to the parameter."""
        return Tensor(self.wanted[name].shape, block=flat.block, offset=self.offsets[name])

    def views(self, flat: Tensor) -> dict[str, np.ndarray]:
        """All parameters' parts of a flat block, as arrays."""
        return {name: self.view(flat, name).array for name in self.trained}

    def initialize(self, seed: int) -> None:
        """Draws the initial values: each parameter from its own place in the generator."""
        for index, (name, parameter) in enumerate(self.wanted.items()):
            rng = generator(seed, Purpose.WEIGHTS, index)
            initial = parameter.initializer
            self.weights[name].value.array[...] = (
                INITIALIZERS[initial](rng, parameter.shape, parameter.fan_in, parameter.fan_out)
                if isinstance(initial, str)
                else initial
            )

    @property
    def count(self) -> int:
        """Trainable numbers, without the padding."""
        return sum(math.prod(self.wanted[name].shape) for name in self.trained)


class Views(Mapping[str, np.ndarray]):
    """Arrays by name: writable views of a network's memory, which count from the next call on.

    views[name] = a copies a in; its shape must be the same. Raises KeyError that lists the names.
    """

    def __init__(self, views: dict[str, np.ndarray], guard: Guard) -> None:
        self._views, self._guard = views, guard

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._views:
            raise KeyError(f"{name!r}; known: {', '.join(self._views)}")
        return self._views[name]

    def __setitem__(self, name: str, value: Any) -> None:
        view, array = self[name], arrays.numbers(name, value)
        if array.shape != view.shape:
            raise ValueError(f"{name}: expected shape {view.shape}, got {array.shape}")
        with self._guard.changing("assigning weights", nested=True):
            view[...] = array

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name}: {view.shape}" for name, view in self._views.items()) + "}"
