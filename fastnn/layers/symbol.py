"""Symbolic values: what layers are called on to describe a network of any shape."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, Protocol

from fastnn.common import checks, free
from fastnn.common.free import Pattern, Shape


class Called(Protocol):
    """What a symbol knows of its layer."""

    def title(self) -> str: ...


class Symbol:
    """A value that a network will compute: an input, or the output of a layer. shape: without the batch.

    at: where the shape has free axes, None, what it is at several of their lengths.

    A network of several outputs, called as a layer, makes one for each. first: that of its first output, which stands
    for the call; only there are consumers noted. index: the number of the output.
    """

    def __init__(
        self,
        shape: Pattern,
        layer: Called | None,
        sources: tuple[Symbol, ...] = (),
        name: str | None = None,
        first: Symbol | None = None,
        index: int = 0,
        at: Mapping[int, Shape] | None = None,
    ) -> None:
        self.at = at
        self.shape, self.layer, self.sources, self.name = shape, layer, sources, name
        self._first, self.index = first, index  # no reference to itself: a cycle would keep networks that are layers
        self.consumers: weakref.WeakSet[Symbol] = weakref.WeakSet()
        for source in sources if first is None else ():
            source.first.consumers.add(self)

    @property
    def known(self) -> Mapping[int, Shape] | Shape:
        """The shape, or where it has free axes what it is at several of their lengths."""
        return self.at if self.at is not None else free.fixed(self.shape, 0)

    @property
    def first(self) -> Symbol:
        """The first output of the same call."""
        return self if self._first is None else self._first

    #: It is no sequence, although it can be sliced: y, h = layer(x) would ask for its batch.
    __iter__ = None

    def __getitem__(self, key: Any) -> Symbol:
        """A part, as of an array. Layers do that, which are called on symbols: input.py has it."""
        raise NotImplementedError(f"{type(self).__name__} is not sliced")

    def __repr__(self) -> str:
        return f"{self.layer.title() if self.layer else 'Input'} -> {checks.batch(self.shape)}"
