"""Inputs of networks, which can be sliced as arrays, as can all that layers make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn.common import checks, free
from fastnn.layers.slice import Slice, Take
from fastnn.layers.symbol import Symbol


class Sliceable(Symbol):
    """A symbol with the notation of arrays for its parts."""

    def __getitem__(self, key: Any) -> Symbol:
        """A part, as of an array (batch, ...): x[:, -1], x[:, 1:], x[..., :8]; an integer removes its axis.

        Raises TypeError for other indices than integers, slices and an ellipsis, ValueError for a part of the batch, a
        step and too many axes.
        """
        value: Symbol = self
        indices = _indices(self, key)
        for axis, each in enumerate(indices, 1):
            if isinstance(each, slice) and (each.start, each.stop) not in ((None, None), (0, None)):
                value = Slice(each.start or 0, each.stop, axis)(value)
        for axis in range(len(indices), 0, -1):
            if not isinstance(indices[axis - 1], slice):
                value = Take(indices[axis - 1], axis)(value)
        return value


def _indices(symbol: Symbol, key: Any) -> list[Any]:
    """An index for each axis after the batch that the key names. Raises TypeError and ValueError for other keys."""
    given = list(key) if isinstance(key, tuple) else [key]
    for each in given:
        if isinstance(each, bool) or not (isinstance(each, slice) or each is ... or hasattr(each, "__index__")):
            what = "Reshape adds an axis" if each is None else "a Mask or an Embedding chooses by values"
            raise TypeError(f"{symbol!r}: an index must be an integer, a slice or ..., not {each!r:.60}; {what}")
        if isinstance(each, slice) and each.step not in (None, 1):
            raise ValueError(f"{symbol!r}: a slice has no step; MaxPool1D(1, {each.step}) takes some of the steps")
    rank, ellipses = len(symbol.shape) + 1, sum(each is ... for each in given)
    if ellipses > 1 or len(given) - ellipses > rank:
        raise ValueError(f"{symbol!r}: got {len(given) - ellipses} indices and {ellipses} ellipses for {rank} axes")
    if ellipses:
        place = next(i for i, each in enumerate(given) if each is ...)
        given[place : place + 1] = [slice(None)] * (rank - len(given) + 1)
    batch, *others = given
    if not isinstance(batch, slice) or (batch.start, batch.stop) != (None, None):
        raise ValueError(f"{symbol!r}: the batch cannot be divided; begin with a colon, as in x[:, 0]")
    return others


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
    return Sliceable(pattern, None, name=name, at=free.at_lengths([pattern])[0] if None in pattern else None)
