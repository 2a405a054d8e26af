"""What a layer is: its settings, the parameters it wants, and how it becomes Ops."""

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any

from fastnn.lowering import Lowering, Value, Weight


@dataclass(eq=False, repr=False)
class Parameter:
    """A parameter that a layer wants: its shape, initializer and fans.

    statistic: it is not trained, but written by the layer itself (a running mean); it has no gradient and no slots.
    """

    shape: tuple[int, ...]
    initializer: str
    fan_in: int = 1
    fan_out: int = 1
    statistic: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Layer:
    """Settings of a layer, which never change; the parameters belong to the network.

    name: what the network calls it; None takes the class in snake case and a number.
    """

    name: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.name is not None and not (isinstance(self.name, str) and re.fullmatch(r"\w[\w\-]*", self.name)):
            raise ValueError(f"a layer's name must be letters, digits, _ and -, got {self.name!r}")

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        """The parameters and statistics for inputs (batch, *features), by name."""
        return {}

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output, without the batch. Raises ValueError for an input that does not fit."""
        return features

    def lower(self, plan: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        """Emits the layer's Ops, registers its backward, and returns its output. index: its place in the network."""
        raise NotImplementedError(f"{type(self).__name__}.lower")

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
    """Dense -> dense, BatchNorm -> batch_norm."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def expected(layer: Layer, wanted: str, features: tuple[int, ...], advice: str = "") -> ValueError:
    """The error for an input shape that does not fit."""
    got = ", ".join(["batch", *map(str, features)])
    return ValueError(f"{layer.title()}: expected input {wanted}, got ({got}){advice and '; ' + advice}")
