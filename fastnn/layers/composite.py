"""Layers made of other layers."""

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

    stepwise: ClassVar[bool] = True  # as far as its layers are

    def layers(self) -> Sequence[Layer]:
        """New layers, in order."""
        raise NotImplementedError(f"{type(self).__name__}.layers is not defined")

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

    def enter(self, features: tuple[int, ...]) -> None:
        self._chain.enter([features])

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        return self._chain.wanted([features])

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return self._chain.output_shapes([features])[0]

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        return self._chain.lower(lowering, [x], weights, [x.shape])[0]
