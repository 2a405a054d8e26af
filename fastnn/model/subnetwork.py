"""Subnetwork: a network as a layer of another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from fastnn.common import checks
from fastnn.layers.base import Parameter
from fastnn.layers.graph import Graph
from fastnn.layers.merge import Merge
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value

Shape = tuple[int, ...]


class Inner(Protocol):
    """What a network inside of another one must have."""

    name: str | None
    graph: Graph
    features: list[Shape]


@dataclass(eq=False, repr=False)
class Subnetwork(Merge):
    """A network as a layer of another one. Two of the same network are the same layer."""

    network: Inner

    stepwise: ClassVar[bool] = True  # as far as its layers are

    def __post_init__(self) -> None:
        if len(self.network.graph.outputs) > 1:
            raise ValueError(f"{self.title()}: a network with several outputs cannot be a layer of another one")
        object.__setattr__(self, "name", self.network.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subnetwork) and other.network is self.network

    def __hash__(self) -> int:
        return id(self.network)

    @property
    def deterministic(self) -> bool:
        return self.network.graph.deterministic

    @property
    def recurrent(self) -> bool:
        return self.network.graph.recurrent

    def vocabulary_of(self, source: int) -> int | None:
        return self.network.graph.vocabulary(source)

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

    def output(self, features: list[Shape]) -> Shape:
        network = self.network
        if len(features) != len(network.graph.inputs):
            raise ValueError(f"{self.title()}: takes {len(network.graph.inputs)} inputs, got {len(features)}")
        if network.features and list(features) != network.features:
            wanted, got = (", ".join(map(checks.batch, shapes)) for shapes in (network.features, features))
            raise ValueError(f"{self.title()}: expected input {wanted}, got {got}")
        return network.graph.output_shapes(features)[0]

    def enter(self, features: list[Shape]) -> None:
        self.network.graph.enter(features)

    def parameters(self, features: list[Shape]) -> dict[str, Parameter]:
        return self.network.graph.wanted(features)

    def lower(self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        return self.network.graph.lower(lowering, x, weights, [value.shape for value in x])[0]
