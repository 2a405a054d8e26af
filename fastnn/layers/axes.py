"""The axes of a value: which one a setting means, and how long it is in a row of a Buffer."""

import math
from typing import Any

from fastnn.common import checks
from fastnn.layers.base import Layer
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


def checked(kind: str, axis: Any, verb: str) -> int:
    """The setting `axis`, as in NumPy. Raises TypeError and ValueError for others and 0; verb: what the layer does."""
    number = checks.integer(f"{kind}: axis", axis, -checks.MOST)
    if number == 0:
        raise ValueError(f"{kind}: axis 0 is the batch; {verb} along -1, or 1 and above")
    return number


def place(layer: Layer, axis: int, features: tuple[int, ...]) -> int:
    """The axis in a shape without the batch. Raises ValueError for a shape that does not have it."""
    found = place_of(axis, len(features))
    if found < 0:
        raise ValueError(f"{layer.title()}: axis {axis} is not in {checks.batch(features)}")
    return found


def place_of(axis: int, rank: int) -> int:
    """The axis in a shape without the batch; negative where there is none."""
    place = axis - 1 if axis > 0 else rank + axis
    return place if place < rank else -1


def split(lowering: Lowering, x: Value, first: int, last: int) -> tuple[Value, tuple[int, int]]:
    """The value with axes first..last-1 inside of its rows, and the elements of a row before and after them."""
    if first == 0:
        x = lowering.whole(x)
    skipped = 0 if x.buffer.steps is None else 1
    return lowering.read(x), (math.prod(x.shape[skipped:first]), math.prod(x.shape[last:]))
