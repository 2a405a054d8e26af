"""Symbolic values: what layers are called on to describe a network of any shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnn.common import checks

if TYPE_CHECKING:
    from fastnn.layers.base import Layer


class Symbol:
    """A value that a network will compute: an input, or what a layer makes of others. shape: without the batch."""

    def __init__(
        self, shape: tuple[int, ...], layer: Layer | None, sources: tuple[Symbol, ...] = (), name: str | None = None
    ) -> None:
        self.shape, self.layer, self.sources, self.name = shape, layer, sources, name

    def __repr__(self) -> str:
        return f"{self.layer.title() if self.layer else 'Input'} -> {checks.batch(self.shape)}"


def Input(shape: Sequence[int], name: str | None = None) -> Symbol:  # noqa: N802  # it reads as the layers do
    """An input (batch, *shape) of a `Network`. name: for dicts of inputs; None takes "input_" and a number.

    Raises TypeError or ValueError for a shape that is not one of positive integers, or a name with other signs than
    letters, digits, _ and -.
    """
    if name is not None:
        checks.name("an input", name)
    return Symbol(checks.shape("Input: shape", shape), None, name=name)


def called(layer: Layer, x: Any) -> Symbol:
    """What the layer makes of a symbol, or of a list of them. Raises TypeError and ValueError where it cannot."""
    sources = tuple(x) if isinstance(x, (list, tuple)) else (x,)
    for source in sources:
        if not isinstance(source, Symbol):
            raise TypeError(f"{layer.title()}: call it on an Input, or on what a layer returned, not {source!r:.60}")
    return Symbol(layer.shape_for([source.shape for source in sources]), layer, sources)
