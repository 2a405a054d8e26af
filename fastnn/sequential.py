"""A chain of layers."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.layers.base import Layer, Parameter, named, parameters_of, weights_of
from fastnn.lowering import Lowering, Value
from fastnn.network import Network


class Sequential(Network):
    """Layers, each on the output of the one before.

    input_shape: of a sample; where it is left out, build(...) or the first data decide. seed: of the initial weights,
    the shuffling and the dropout; None draws one. Raises TypeError for what is no layer, ValueError for a layer or a
    name that occurs twice, and where a layer does not fit its input.
    """

    def __init__(
        self, layers: Sequence[Layer], input_shape: Sequence[int] | None = None, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self._layers = named("a Sequential", layers)
        if input_shape is not None:
            self.build(input_shape)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in order."""
        return tuple(layer for _, layer in self._layers)

    def named_layers(self) -> list[tuple[str, Layer]]:
        return list(self._layers)

    def shapes(self, features: tuple[int, ...]) -> list[tuple[int, ...]]:
        shapes = []
        for layer in self.layers:
            features = layer.output(features)
            shapes.append(features)
        return shapes

    def wanted(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        wanted = {}
        for (name, layer), output in zip(self._layers, self.shapes(features), strict=True):
            wanted.update(parameters_of(name, layer, features))
            features = output
        return wanted

    def lower(self, plan: Lowering, x: Value) -> Value:
        features = self.input_shape or ()
        for index, (name, layer) in enumerate(self._layers):
            with plan.named(name, features):
                x = layer.lower(plan, x, weights_of(name, plan.weights), index)
            features = layer.output(features)
        return x
