"""Layers made of other layers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from fastnn.common import checks
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value

if TYPE_CHECKING:
    from fastnn.layers.graph import Graph


class Compound(Layer):
    """A layer that is a graph of others: what it needs and does is what they need and do."""

    stepwise: ClassVar[bool] = True  # as far as its layers are

    def graph(self, features: list[tuple[int, ...]]) -> Graph:
        """New layers for inputs of these shapes, connected: the same for others of as many axes and the same last."""
        raise NotImplementedError(f"{type(self).__name__}.graph is not defined")

    @cached_property
    def _made(self) -> dict[Hashable, Graph]:
        """The graphs made so far: a plan, and each length of a sequence, asks for one several times."""
        return {}

    def _graph(self, features: list[tuple[int, ...]]) -> Graph:
        """The graph for inputs of these shapes."""
        form = tuple((len(shape), shape[-1]) for shape in features)
        if form not in self._made:
            self._made[form] = self.graph(features)
        return self._made[form]

    def enter(self, features: Any) -> None:
        given = _listed(features)
        self._graph(given).enter(given)

    def parameters(self, features: Any) -> dict[str, Parameter]:
        given = _listed(features)
        return self._graph(given).wanted(given)

    def output(self, features: Any) -> tuple[int, ...]:
        given = _listed(features)
        return self._graph(given).output_shapes(given)[0]

    def lower(self, lowering: Lowering, x: Any, weights: dict[str, Weight], index: int) -> Value:
        given = _listed(x)
        shapes = [value.shape for value in given]
        return self._graph(shapes).lower(lowering, given, weights, shapes)[0]


def _listed(given: Any) -> list[Any]:
    """What a layer's methods get, as a list also for one input."""
    return given if isinstance(given, list) else [given]


class Composite(Compound):
    """A chain of layers as one layer: subclass it, and say which layers it consists of.

    Settings are the fields of a dataclass; `layers` returns new layers at each call. The parameters are called
    "block_0.dense_0.weight" and so on. A file that holds such a layer is read by fnn.load(path, layers={"Block":
    Block}). For a graph other than a chain, call a Network as a layer.

    Raises
    ------
    TypeError
        Where `layers` returns anything but Layer objects.
    ValueError
        Where it returns none, and where one does not fit its input.

    Examples
    --------
    >>> import fastnn as fnn
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Block(fnn.Composite):
    ...     units: int
    ...
    ...     def layers(self):
    ...         return [fnn.Dense(self.units, bias=False), fnn.BatchNorm(), fnn.Activation("relu")]
    >>> fnn.Sequential([Block(8), fnn.Dense(2)], input_shape=(4,))
    Sequential(Block(8), Dense(2))
    """

    def layers(self) -> Sequence[Layer]:
        """New layers, in order."""
        raise NotImplementedError(f"{type(self).__name__}.layers is not defined")

    def graph(self, features: list[tuple[int, ...]]) -> Graph:
        return self._chain

    @property
    def _chain(self) -> Graph:
        from fastnn.layers.graph import Graph  # which is made of layers

        layers = checks.listed(f"{self.title()}: layers", self.layers(), Layer, "Layer objects")
        if not layers:
            raise ValueError(f"{self.title()}: needs at least one layer")
        return Graph.chain(layers)

    @property
    def deterministic(self) -> bool:
        return self._chain.deterministic

    @property
    def recurrent(self) -> bool:
        return self._chain.recurrent

    def vocabulary_of(self, source: int) -> int | None:
        return self._chain.vocabulary(0)

    @property
    def layer_count(self) -> int:
        return self._chain.size
