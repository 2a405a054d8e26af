"""The blocks of a network's parameters, gradients and slots, and the mappings by which users access them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fastnn.common.randomness import Purpose, generator
from fastnn.data import arrays
from fastnn.engine.guard import Guard
from fastnn.engine.tensor import Tensor, aligned, bytes_of
from fastnn.initializers import INITIALIZERS
from fastnn.layers.base import Parameter
from fastnn.lowering.call import Weight


class Parameters:
    """Parameters in one block, their gradients in another, slots in others: at the same offset in each.

    Statistics, which are not trained, have a block of their own. The padding between tensors is zero and stays zero, so
    a pass over a whole block is right.
    """

    def __init__(self, wanted: Mapping[str, Parameter]) -> None:
        self.wanted = dict(wanted)
        self.offsets: dict[str, int] = {}
        ends = {False: 0, True: 0}  # of the two blocks, by whether it is that of the statistics
        for name, parameter in self.wanted.items():
            self.offsets[name] = ends[parameter.statistic]
            ends[parameter.statistic] += aligned(bytes_of(parameter.shape))
        self.values, self.gradients = (Tensor((ends[False] // 4,)) for _ in range(2))
        self.statistics = Tensor((ends[True] // 4,))
        self.weights = {
            name: Weight(
                self.view(self.flat(name), name), None if parameter.statistic else self.view(self.gradients, name)
            )
            for name, parameter in self.wanted.items()
        }

    def flat(self, name: str) -> Tensor:
        """The block that the parameter, or the statistic, is in."""
        return self.statistics if self.wanted[name].statistic else self.values

    def view(self, flat: Tensor, name: str, base: int = 0) -> Tensor:
        """The parameter's part of a flat block, in which these parameters begin at element `base`."""
        return Tensor(self.wanted[name].shape, block=flat.block, offset=self.offsets[name] + 4 * base)

    def extent(self, name: str) -> tuple[int, int]:
        """Its first element, and the element after its padding."""
        return self.offsets[name] // 4, (self.offsets[name] + aligned(bytes_of(self.wanted[name].shape))) // 4

    def initialize(self, seed: int) -> None:
        """Draws the initial values: each parameter from its own position in the generator."""
        for index, (name, parameter) in enumerate(self.wanted.items()):
            rng = generator(seed, Purpose.WEIGHTS, index)
            initial = parameter.initializer
            if isinstance(initial, str):
                initial = INITIALIZERS[initial]
            self.weights[name].value.array[...] = (
                initial(rng, parameter.shape, parameter.fan_in, parameter.fan_out) if callable(initial) else initial
            )


@dataclass(eq=False, repr=False)
class Range:
    """Elements start..stop-1 of a block of parameters.

    base: where the block begins in the slots. factor: of the learning rate.
    """

    block: Parameters
    start: int
    stop: int
    base: int
    factor: float = 1.0

    def of(self, flat: Tensor, base: int = 0) -> Tensor:
        """The range's part of the block's values or gradients, or of a slot."""
        return Tensor((self.stop - self.start,), block=flat.block, offset=4 * (base + self.start))


class Joined:
    """Several arrays, in memory in C order, as one vector."""

    def __init__(self, arrays: Iterable[np.ndarray]) -> None:
        self.parts = [array.reshape(-1) for array in arrays]

    def read(self) -> np.ndarray:
        """A copy."""
        return np.concatenate(self.parts)

    def write(self, values: np.ndarray) -> None:
        """Copies the values in."""
        start = 0
        for part in self.parts:
            part[...] = values[start : start + len(part)]
            start += len(part)


class Blocks:
    """All parameters of a network: its own block, and those that its sub-networks keep.

    wanted: by name, in order. each: the same without the second names of parameters in two sub-networks.
    Slots hold what belongs to each block, one block after the other.
    """

    def __init__(self, wanted: Mapping[str, Parameter], inner: Mapping[str, Blocks]) -> None:
        self.wanted = dict(wanted)
        split = {name: name.partition(".") for name in wanted}
        self.own = Parameters({name: wanted[name] for name, (layer, _, _) in split.items() if layer not in inner})
        self.places: dict[str, tuple[Parameters, str]] = {
            name: inner[layer].places[key] if layer in inner else (self.own, name)
            for name, (layer, _, key) in split.items()
        }
        self._index()

    def part(self, wanted: Mapping[str, Parameter]) -> Blocks:
        """These parameters alone, which stay where they are."""
        part = Blocks({}, {})
        part.wanted, part.places = dict(wanted), {name: self.places[name] for name in wanted}
        part._index()
        return part

    def move(self, places: Mapping[tuple[Parameters, str], tuple[Parameters, str]]) -> None:
        """Takes parameters at some places from others instead."""
        self.places = {name: places.get(place, place) for name, place in self.places.items()}
        vars(self).pop("flat_gradients", None)
        self._index()

    def _index(self) -> None:
        first: dict[tuple[Parameters, str], str] = {}
        for name, place in self.places.items():
            first.setdefault(place, name)
        self.each = {name: self.wanted[name] for name in first.values()}
        self.bases: dict[Parameters, int] = {}
        self.size = 0
        for block, _ in self.places.values():
            if block not in self.bases:
                self.bases[block] = self.size
                self.size += block.values.size
        self.weights = {name: block.weights[key] for name, (block, key) in self.places.items()}

    @property
    def values(self) -> dict[str, np.ndarray]:
        """All parameters and statistics, as arrays."""
        return {name: weight.value.array for name, weight in self.weights.items()}

    @property
    def gradients(self) -> dict[str, np.ndarray]:
        """The gradients of those that are trained, as arrays."""
        return {name: weight.gradient.array for name, weight in self.weights.items() if weight.gradient is not None}

    @cached_property
    def flat_gradients(self) -> list[Tensor]:
        """The gradients of its parameters, and of no others in the same block, in as few tensors as there are runs."""
        return [each.of(each.block.gradients) for each in self.ranges((), {})]

    def in_slot(self, slot: Tensor) -> dict[str, np.ndarray]:
        """The parts of a slot that belong to the trained parameters, as arrays."""
        places = {name: self.places[name] for name in self.gradients}
        return {name: block.view(slot, key, self.bases[block]).array for name, (block, key) in places.items()}

    def ranges(self, frozen: Collection[str], factors: Mapping[str, float]) -> list[Range]:
        """What an optimizer updates: all but the parameters of these names; neighbours of one factor are one range."""
        trained = set(self.places.values()) - {self.places[name] for name in frozen}
        given = {self.places[name]: factor for name, factor in factors.items()}
        ranges: list[Range] = []
        for block, base in self.bases.items():
            joins = False
            for key in block.wanted:
                if block.wanted[key].statistic:
                    continue
                start, stop = block.extent(key)
                trains = (block, key) in trained
                if trains:
                    factor = given.get((block, key), 1.0)
                    before = ranges.pop() if joins and ranges[-1].factor == factor else None
                    ranges.append(Range(block, before.start if before else start, stop, base, factor))
                joins = trains
        return ranges

    def count(self, frozen: Collection[str] = ()) -> int:
        """Numbers, without the padding, and without the parameters of these names."""
        held = {self.places[name] for name in frozen}
        each = {self.places[name]: view.size for name, view in self.gradients.items()}
        return sum(size for place, size in each.items() if place not in held)


class Views(Mapping[str, np.ndarray]):
    """Arrays by name: writable views of a network's memory, which take effect at the next call.

    views[name] = a copies a in; its shape must be the same. Raises KeyError for an unknown name, listing all.
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


def below(names: Iterable[str], paths: frozenset[str]) -> list[str]:
    """The parameters that belong to one of the layers."""
    found = []
    for name in names:
        parts = name.split(".")
        if any(".".join(parts[:i]) in paths for i in range(len(parts))):
            found.append(name)
    return found
