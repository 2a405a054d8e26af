"""Assembly: a graph with its parameters, which may be a layer of another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import checked_seed
from fastnn.data import arrays
from fastnn.engine.guard import Guard
from fastnn.layers.base import Layer, Parameter
from fastnn.layers.graph import Graph
from fastnn.layers.merge import Merge
from fastnn.layers.symbol import Symbol, called
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.values import Value, Weight
from fastnn.model.parameters import Blocks, Views

Shape = tuple[int, ...]
_BUILT = nullcontext()


class Assembly:
    """What every network has: layers, and, once it is built, their parameters.

    name: what a network of which it is a layer calls it. trainable: whether such a network trains its parameters; a
    change counts from that network's next compile on.
    """

    trainable = True
    guard: Guard

    def assemble(self, graph: Graph, seed: int | None, name: str | None) -> None:
        """Takes the graph; nothing is built yet."""
        self.graph, self.seed = graph, checked_seed(seed)
        self.name = name if name is None else checks.name("a network", name)
        self.guard = Guard([inner.guard for inner in self.inner().values()])
        self.features: list[Shape] = []
        self.shapes: list[Shape] = []
        self.input_shape: Any = None
        self.output_shape: Any = ()
        self.label_shape: Any = ()  # of class numbers for the only output
        self._blocks: Blocks | None = None
        self._weights: Views | None = None
        self._gradients: Views | None = None

    def inner(self) -> dict[str, Assembly]:
        """The sub-networks by name."""
        layers = self.graph.layers.items()
        return {name: layer.network for name, layer in layers if isinstance(layer, Subnetwork)}

    @property
    def layers(self) -> tuple[Layer | Assembly, ...]:
        """The layers and sub-networks in order, each once."""
        return tuple(layer for _, layer in self.named_layers())

    def named_layers(self) -> list[tuple[str, Any]]:
        """They with their names."""
        layers = self.graph.layers.items()
        return [(name, layer.network if isinstance(layer, Subnetwork) else layer) for name, layer in layers]

    def __call__(self, x: Symbol | Sequence[Symbol]) -> Symbol:
        """As a layer of another network: it keeps its parameters, which both use and train, and its seed for them.

        It is built for x if it is not built yet. Raises TypeError for x that are no symbols, ValueError for x that do
        not fit, or a network of several outputs.
        """
        symbol = called(Subnetwork(self), x)
        if self._blocks is None:
            with self.guard.changing("build", nested=True):
                self.make([symbol.sources[0].shape])
        return symbol

    # Building.

    def build(self, input_shape: Sequence[int]) -> Self:
        """Makes the parameters for inputs (batch, *input_shape), and returns the network.

        Raises ValueError for a shape that does not fit the layers, or another one than it has been built for;
        MemoryError where the parameters do not fit into memory.
        """
        features = [checks.shape("input_shape", input_shape)]
        self.graph.enter(features)
        with self.guard.changing("build", nested=True):
            if self._blocks is None:
                self.make(features)
            elif features != self.features:
                raise ValueError(f"the network is built for {self.input_shape}; make a new one for {features[0]}")
        return self

    def make(self, features: Sequence[Shape]) -> None:
        """Makes and draws the parameters for inputs of these shapes, those of sub-networks that have none yet too."""
        unbuilt = self.unbuilt()
        try:
            shapes = self.graph.shapes(features)
            for node in self.graph.nodes:
                if isinstance(node.layer, Subnetwork) and not node.layer.network.features:
                    node.layer.network.make([shapes[source] for source in node.sources])
            self.adopt(features, self.blocks_for(features)).own.initialize(self.seed)
        except BaseException:
            _forget(unbuilt)
            raise

    def unbuilt(self) -> list[Assembly]:
        """Those of this network and the sub-networks at any depth that are not built yet."""
        found = [] if self.features else [self]
        return [*found, *(each for inner in self.inner().values() for each in inner.unbuilt())]

    def blocks_for(self, features: Sequence[Shape]) -> Blocks:
        """Blocks for inputs of these shapes, all zero but for what sub-networks have already."""
        return Blocks(self.graph.wanted(features), {name: inner.blocks for name, inner in self.inner().items()})

    def adopt(self, features: Sequence[Shape], blocks: Blocks) -> Blocks:
        """Takes blocks made for inputs of these shapes. Raises ValueError where what is compiled does not fit them."""
        views = [Views(each, self.guard) for each in (blocks.values, blocks.gradients)]
        shapes = self.graph.output_shapes(features)
        self.features, self.shapes = list(features), shapes
        self.input_shape = features[0] if len(features) == 1 else dict(zip(self.graph.inputs, features, strict=True))
        names = self.graph.output_names
        self.output_shape = shapes[0] if len(shapes) == 1 else dict(zip(names, shapes, strict=True))
        self.label_shape = shapes[0][:-1] if len(shapes) == 1 else None
        self._blocks, (self._weights, self._gradients) = blocks, views
        try:
            self.adopted()
        except BaseException:
            self.forget()
            raise
        return blocks

    def adopted(self) -> None:
        """What else is to be made for the blocks, or to be checked."""

    def forget(self) -> None:
        """Undoes a build."""
        self.features, self.shapes, self.input_shape, self.output_shape, self.label_shape = [], [], None, (), ()
        self._blocks, self._weights, self._gradients = None, None, None

    def built_for(
        self, x: list[np.ndarray], begun: Callable[[BaseException], bool] = lambda error: False
    ) -> AbstractContextManager[object]:
        """A context in which the network is built, by its first data.

        Where that fails, and begun(the error) is not true, it is as if they had not come.
        """
        return _BUILT if self.features else self._first(x[0], begun)

    @contextmanager
    def _first(self, x: np.ndarray, begun: Callable[[BaseException], bool]) -> Iterator[None]:
        unbuilt = self.unbuilt()
        self.build(x.shape[1:])
        try:
            yield
        except BaseException as error:
            if not begun(error):
                _forget(unbuilt)
            raise

    def samples(self, x: Any) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
        """An array for each input, and the outputs' shapes for them; nothing is built yet."""
        names = self.graph.inputs
        if len(names) > 1:
            return arrays.joint_samples(x, names, self.features), self.shapes
        title = self.graph.nodes[0].layer.title()
        if self.features:
            return [arrays.samples(x, self.features[0], title)], self.shapes
        array = arrays.numbers("x", x)
        if array.ndim < 2 or not array.size:
            raise ValueError(f"x: expected samples (batch, ...), got shape {array.shape}")
        features = checks.shape("x.shape[1:]", array.shape[1:])
        return [arrays.samples(x, features, title)], self.graph.output_shapes([features])

    # Parameters.

    @property
    def blocks(self) -> Blocks:
        """The parameters. Raises RuntimeError before the network is built."""
        if self._blocks is None:
            raise RuntimeError("the network is not built: give it an input_shape, call build((...)), or fit it first")
        return self._blocks

    @property
    def weights(self) -> Views:
        """Each weight by name, a writable view: net.weights["dense_0.weight"][...] = a counts from the next call on.

        Those of a sub-network begin with its name: "encoder.dense_0.weight".
        """
        assert self.blocks and self._weights is not None
        return self._weights

    @property
    def gradients(self) -> Views:
        """Each gradient of the last training step by name."""
        assert self.blocks and self._gradients is not None
        return self._gradients

    @property
    def parameters(self) -> np.ndarray:
        """The whole block of parameters, 1-D, with zeros between the tensors; a writable view.

        Raises RuntimeError where there are several blocks: each sub-network keeps its own.
        """
        blocks = list(self.blocks.bases) or [self.blocks.own]
        if len(blocks) > 1:
            raise RuntimeError(
                f"parameters: this network and its sub-networks have {len(blocks)} blocks; use weights, or the "
                "parameters of each sub-network"
            )
        return blocks[0].values.array

    def untrained(self) -> frozenset[str]:
        """The layers, by the path of their names, that are not to be trained as it is set now; "" is all of it."""
        if not checks.flag("trainable", self.trainable):
            return frozenset([""])
        paths = set()
        for name, layer in self.named_layers():
            if isinstance(layer, Assembly):
                paths |= {f"{name}.{path}" if path else name for path in layer.untrained()}
            elif not layer.trainable:
                paths.add(name)
        return frozenset(paths)


def _forget(networks: Iterable[Assembly]) -> None:
    for network in networks:
        network.forget()


def below(names: Iterable[str], paths: frozenset[str]) -> list[str]:
    """The parameters that belong to one of the layers."""
    found = []
    for name in names:
        parts = name.split(".")
        if any(".".join(parts[:i]) in paths for i in range(len(parts))):
            found.append(name)
    return found


@dataclass(eq=False, repr=False)
class Subnetwork(Merge):
    """A network as a layer of another one. Two of the same network are the same layer."""

    network: Assembly

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

    def lower(self, plan: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        return self.network.graph.lower(plan, x, weights, [value.shape for value in x])[0]
