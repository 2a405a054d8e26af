"""What a layer is: its settings, the parameters it wants, and how it becomes Ops."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastnn import checks
from fastnn.initializers import INITIALIZERS
from fastnn.lowering import Lowering, Value, Weight


@dataclass(eq=False, repr=False)
class Parameter:
    """A parameter that a layer wants: its shape, initializer and fans.

    initializer: a name in `fastnn.initializers`, or the number that all are. fan_in, fan_out: inputs that an output
    sums over, and outputs that an input reaches. statistic: it is not trained, but written by the layer itself (a
    running mean), without gradient and slots. Raises ValueError for an unknown initializer and a shape that is none.
    """

    shape: tuple[int, ...]
    initializer: str | float
    fan_in: int = 1
    fan_out: int = 1
    statistic: bool = False

    def __post_init__(self) -> None:
        self.shape = tuple(checks.integer(f"Parameter: shape[{i}]", n) for i, n in enumerate(self.shape))
        if isinstance(self.initializer, str):
            checks.known("initializer", self.initializer, INITIALIZERS)


@dataclass(frozen=True, eq=False, repr=False)
class Layer:
    """Settings of a layer, which never change; the parameters belong to the network.

    name: what the network calls it; None takes the class in snake case and a number.

    A layer of your own is a dataclass with its settings. It says which layers it is a chain of:

        @dataclass(frozen=True)
        class Block(fnn.Layer):
            units: int

            def layers(self):
                return [fnn.Dense(self.units, bias=False), fnn.BatchNorm(), fnn.Activation("relu")]

    whose parameters are then "block_0.dense_0.weight" and so on; or it computes in NumPy, see PythonLayer. A file that
    holds one is read by fnn.load(path, layers={"Block": Block}).
    """

    name: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.name is not None and not (isinstance(self.name, str) and re.fullmatch(r"\w[\w\-]*", self.name)):
            raise ValueError(f"a layer's name must be letters, digits, _ and -, got {self.name!r}")

    def layers(self) -> Sequence["Layer"]:
        """The layers that it is a chain of; none, where it says itself what it does."""
        return ()

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        """The parameters and statistics for inputs (batch, *features), by name."""
        wanted: dict[str, Parameter] = {}
        for name, layer in self._inner():
            wanted |= parameters_of(name, layer, features)
            features = layer.output(features)
        return wanted

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output, without the batch. Raises ValueError for an input that does not fit."""
        for _, layer in self._inner():
            features = layer.output(features)
        return features

    def lower(self, plan: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        """Emits the layer's Ops, registers its backward, and returns its output. index: its place in the network."""
        features = plan.features
        for i, (name, layer) in enumerate(self._inner()):
            with plan.named(f"{plan.layer}.{name}", features):
                # A place of its own for random numbers: a multiplicative hash (Knuth 1998, 6.4) of both indices.
                place = ((index + 1) * 0x9E3779B1 + i) % 2**32
                x = layer.lower(plan, x, weights_of(name, weights), place)
            features = layer.output(features)
        return x

    def _inner(self) -> list[tuple[str, "Layer"]]:
        layers = self.layers()
        if not layers and type(self).lower is Layer.lower:
            raise NotImplementedError(f"{type(self).__name__} must define layers() or lower()")
        return named(type(self).__name__, layers) if layers else []

    def settings(self) -> dict[str, Any]:
        """The fields, as they go into a file."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def title(self) -> str:
        """What errors call the layer: its class and its first setting."""
        first = next((str(getattr(self, f.name)) for f in dataclasses.fields(self) if not f.kw_only), "")
        return f"{type(self).__name__}({first})"

    def __repr__(self) -> str:
        shown = []
        for i, f in enumerate(f for f in dataclasses.fields(self) if not f.kw_only):
            value = getattr(self, f.name)
            if i == 0 and f.default is dataclasses.MISSING:
                shown.append(repr(value))
            elif value != f.default:
                shown.append(f"{f.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


def snake_case(name: str) -> str:
    """Dense -> dense, BatchNorm -> batch_norm, PReLU -> prelu."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()


def expected(layer: Layer, wanted: str, features: tuple[int, ...], advice: str = "") -> ValueError:
    """The error for an input shape that does not fit."""
    got = ", ".join(["batch", *map(str, features)])
    return ValueError(f"{layer.title()}: expected input {wanted}, got ({got}){advice and '; ' + advice}")


def named(owner: str, layers: Sequence[Layer]) -> list[tuple[str, Layer]]:
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
        raise ValueError(f"{owner} needs at least one layer")
    if len({id(layer) for layer in result.values()}) < len(result):
        raise ValueError("a layer occurs twice; make one for each place")
    return list(result.items())


def parameters_of(name: str, layer: Layer, features: tuple[int, ...]) -> dict[str, Parameter]:
    """The parameters of a layer of that name, by "name.parameter"."""
    return {f"{name}.{key}": parameter for key, parameter in layer.parameters(features).items()}


def weights_of(name: str, weights: Mapping[str, Weight]) -> dict[str, Weight]:
    """Those of the weights that belong to the layer of that name, by their names in it."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): weight for key, weight in weights.items() if key.startswith(prefix)}
