"""Symbolic values: what layers are called on to describe a network of any shape."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Protocol

from fastnn.common import checks


class Called(Protocol):
    """What a symbol knows of the layer that makes it."""

    def title(self) -> str: ...


class Symbol:
    """A value that a network will compute: an input, or what a layer makes of others. shape: without the batch."""

    def __init__(
        self, shape: tuple[int, ...], layer: Called | None, sources: tuple[Symbol, ...] = (), name: str | None = None
    ) -> None:
        self.shape, self.layer, self.sources, self.name = shape, layer, sources, name
        self.consumers: weakref.WeakSet[Symbol] = weakref.WeakSet()  # a cycle would keep networks that are layers
        for source in sources:
            source.consumers.add(self)

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
