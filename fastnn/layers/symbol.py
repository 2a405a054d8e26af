"""Symbolic values: what layers are called on to describe a network of any shape."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Protocol

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

    def __repr__(self) -> str:
        return f"{self.layer.title() if self.layer else 'Input'} -> {checks.batch(self.shape)}"


def Input(shape: Sequence[int | None], name: str | None = None) -> Symbol:  # noqa: N802  # named as layers are
    """Describe an input (batch, *shape) of a `Network`.

    Parameters
    ----------
    shape : tuple of int or None
        Of a sample, without the batch. None is an axis of any length, which each call decides: (None, 40) for sequences
        of 40 features, (None,) for ids, (None, None, 3) for images. No parameter may depend on it.
    name : str, optional
        For dicts of inputs. None makes one of the input's position: "input_0".

    Returns
    -------
    Symbol
        What layers are called on.

    Raises
    ------
    TypeError, ValueError
        For a shape that does not consist of positive integers and None, and a name of other characters than letters,
        digits, _ and -.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input((28, 28, 1))
    >>> x
    Input -> (batch, 28, 28, 1)
    >>> fnn.Flatten()(x).shape
    (784,)
    >>> fnn.LSTM(8)(fnn.Input((None, 40))).shape
    (8,)
    """
    if name is not None:
        checks.name("an input", name)
    pattern = checks.pattern("Input: shape", shape)
    return Symbol(pattern, None, name=name, at=free.at_lengths([pattern])[0] if None in pattern else None)
