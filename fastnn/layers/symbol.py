"""Symbolic values: what layers are called on to describe a network of any shape."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Protocol

from fastnn.common import checks


class Called(Protocol):
    """What a symbol knows of its layer."""

    def title(self) -> str: ...


class Symbol:
    """A value that a network will compute: an input, or the output of a layer. shape: without the batch.

    A network of several outputs, called as a layer, makes one for each. first: that of its first output, which stands
    for the call; only there are consumers noted. index: the number of the output.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        layer: Called | None,
        sources: tuple[Symbol, ...] = (),
        name: str | None = None,
        first: Symbol | None = None,
        index: int = 0,
    ) -> None:
        self.shape, self.layer, self.sources, self.name = shape, layer, sources, name
        self._first, self.index = first, index  # no reference to itself: a cycle would keep networks that are layers
        self.consumers: weakref.WeakSet[Symbol] = weakref.WeakSet()
        for source in sources if first is None else ():
            source.first.consumers.add(self)

    @property
    def first(self) -> Symbol:
        """The first output of the same call."""
        return self if self._first is None else self._first

    def __repr__(self) -> str:
        return f"{self.layer.title() if self.layer else 'Input'} -> {checks.batch(self.shape)}"


def Input(shape: Sequence[int], name: str | None = None) -> Symbol:  # noqa: N802  # named as layers are
    """Describe an input (batch, *shape) of a `Network`.

    Parameters
    ----------
    shape : tuple of int
        Of a sample, without the batch.
    name : str, optional
        For dicts of inputs. None makes one of the input's position: "input_0".

    Returns
    -------
    Symbol
        What layers are called on.

    Raises
    ------
    TypeError, ValueError
        For a shape that does not consist of positive integers, and a name of other characters than letters, digits, _
        and -.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input((28, 28, 1))
    >>> x
    Input -> (batch, 28, 28, 1)
    >>> fnn.Flatten()(x).shape
    (784,)
    """
    if name is not None:
        checks.name("an input", name)
    return Symbol(checks.shape("Input: shape", shape), None, name=name)
