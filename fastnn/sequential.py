"""A chain of layers."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn import checks
from fastnn.layers.base import Layer, Parameter, snake_case
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
        self._layers = named(layers)
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
            wanted.update({f"{name}.{key}": parameter for key, parameter in layer.parameters(features).items()})
            features = output
        return wanted

    def lower(self, plan: Lowering, x: Value) -> Value:
        for index, (name, layer) in enumerate(self._layers):
            prefix = f"{name}."
            weights = {
                key.removeprefix(prefix): weight for key, weight in plan.weights.items() if key.startswith(prefix)
            }
            with plan.named(name):
                x = layer.lower(plan, x, weights, index)
        return x


def named(layers: Sequence[Layer]) -> list[tuple[str, Layer]]:
    """The layers with their names: their own, or the class in snake case and a number per class."""
    counts: dict[str, int] = {}
    result: dict[str, Layer] = {}
    for layer in checks.listed("layers", layers, Layer, "Layer objects"):
        stem = snake_case(type(layer).__name__)
        name = layer.name or f"{stem}_{counts.get(stem, 0)}"
        counts[stem] = counts.get(stem, 0) + 1
        if name in result:
            raise ValueError(f"two layers are called {name!r}; give each its own name=")
        result[name] = layer
    if not result:
        raise ValueError("a Sequential needs at least one layer")
    if len({id(layer) for layer in result.values()}) < len(result):
        raise ValueError("a layer occurs twice; make one for each place")
    return list(result.items())
