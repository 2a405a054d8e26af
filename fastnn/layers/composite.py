"""Layers made of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from fastnn.common import checks
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value

if TYPE_CHECKING:
    from fastnn.layers.graph import Graph


class Composite(Layer):
    """A chain of layers as one: subclass it, with settings as the fields of a dataclass, and say which layers it is.

        @dataclass
        class Block(fnn.Composite):
            units: int

            def layers(self):
                return [fnn.Dense(self.units, bias=False), fnn.BatchNorm(), fnn.Activation("relu")]

    Its parameters are "block_0.dense_0.weight" and so on. A file that holds one is read by
    fnn.load(path, layers={"Block": Block}). For other shapes than chains, call a Network as a layer.
    Raises TypeError for layers that are none, ValueError where there are none, and where one does not fit.
    """

    stepwise: ClassVar[bool] = True  # as far as its layers are

    def layers(self) -> Sequence[Layer]:
        """The layers in order, made anew."""
        raise NotImplementedError(f"{type(self).__name__}.layers")

    @property
    def _chain(self) -> Graph:
        from fastnn.layers.graph import Graph  # which is made of layers

        layers = checks.listed(f"{self.title()}: layers", self.layers(), Layer, "Layer objects")
        if not layers:
            raise ValueError(f"{self.title()}: needs at least one layer")
        return Graph.chain(layers)

    @property
    def recurrent(self) -> bool:
        return self._chain.recurrent

    def vocabulary_of(self, source: int) -> int | None:
        return self._chain.vocabulary(0)

    @property
    def layer_count(self) -> int:
        return self._chain.size

    def enter(self, features: tuple[int, ...]) -> None:
        self._chain.enter([features])

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        return self._chain.wanted([features])

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return self._chain.output_shapes([features])[0]

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        return self._chain.lower(lowering, [x], weights, [x.shape])[0]
