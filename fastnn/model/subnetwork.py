"""Subnetwork: a network as a layer of another one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

from fastnn.common import checks
from fastnn.common.free import Pattern, Shape, fits
from fastnn.layers.base import Parameter
from fastnn.layers.graph import Graph
from fastnn.layers.held import followed
from fastnn.layers.merge import Merge
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value
from fastnn.model.parts import part as part_of


class Inner(Protocol):
    """What a network inside of another one must have."""

    name: str | None
    graph: Graph
    features: list[Pattern]


@dataclass(eq=False, repr=False)
class Subnetwork(Merge):
    """A network as a layer of another one. Two of the same network are the same layer.

    used: the outputs that something uses; the others, and what leads to them alone, are not computed. None: all.
    """

    network: Inner
    used: tuple[int, ...] | None = None

    stepwise: ClassVar[bool] = True  # as far as its layers are

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.network.name)

    @classmethod
    def named(cls, network: Inner, name: str | None) -> Subnetwork:
        """With this name, where the network has none: a part keeps the numbers that count the layers of the whole."""
        made = cls(network)
        if name is not None and network.name is None:
            object.__setattr__(made, "name", checks.name("a layer", name))
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subnetwork) and other.network is self.network

    def __hash__(self) -> int:
        return id(self.network)

    def using(self, outputs: list[int]) -> Subnetwork:
        places = self.network.graph.outputs
        return Subnetwork(self.network, None if len(outputs) == len(places) else tuple(outputs))

    @cached_property
    def graph(self) -> Graph:
        """What is computed."""
        whole = self.network.graph
        if self.used is None:
            return whole
        part = part_of(whole, [whole.outputs[i] for i in self.used])
        lost = [name for name in whole.inputs if name not in part.inputs]
        if lost:
            names = ", ".join(whole.output_names[i] for i in self.used)
            raise ValueError(f"{self.title()}: {names} needs no input {lost[0]!r}; call part({names!r}) of it instead")
        return part

    @property
    def output_titles(self) -> tuple[str, ...]:
        return tuple(self.network.graph.output_names)

    @property
    def deterministic(self) -> bool:
        return self.network.graph.deterministic

    @property
    def recurrent(self) -> bool:
        return self.network.graph.recurrent

    def vocabulary_of(self, source: int) -> int | None:
        return self.network.graph.vocabulary(source)

    def read_whole(self, count: int) -> set[int]:
        return set(range(count)) - followed(self.network.graph)

    @property
    def layer_count(self) -> int:
        return self.network.graph.size

    @property
    def nesting(self) -> int:
        return self.network.graph.nesting

    @property
    def kind(self) -> str:
        return type(self.network).__name__

    def title(self) -> str:
        return f"{self.kind}({self.network.name or ''})"

    def __repr__(self) -> str:
        return repr(self.network)

    def shapes_for(self, inputs: list[Shape]) -> list[Shape]:
        network = self.network
        if len(inputs) != len(network.graph.inputs):
            raise ValueError(f"{self.title()}: takes {len(network.graph.inputs)} inputs, got {len(inputs)}")
        both = zip(inputs, network.features, strict=False)  # there are none before the build
        if not all(fits(shape, pattern) for shape, pattern in both):
            wanted, got = (", ".join(map(checks.batch, shapes)) for shapes in (network.features, inputs))
            raise ValueError(f"{self.title()}: expected input {wanted}, got {got}")
        return network.graph.output_shapes(inputs)

    def enter(self, features: list[Shape]) -> None:
        self.network.graph.enter(features)

    def parameters(self, features: list[Shape]) -> dict[str, Parameter]:
        return self.graph.wanted(features)

    def lower_all(
        self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int
    ) -> list[Value | None]:
        made: list[Value | None] = [None] * len(self.output_titles)
        values = self.graph.lower(lowering, x, weights, [value.shape for value in x])
        for i, value in zip(self.used or range(len(made)), values, strict=True):
            made[i] = value
        return made
