"""What the networks of images ask of their shapes."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.common import checks
from fastnn.layers.window import channels_first


def image(name: str, shape: Sequence[int | None], least: int) -> tuple[int | None, ...]:
    """The shape of an image, whose sides must have at least that many pixels; None is a side of any length."""
    pattern = checks.pattern(f"{name}: input_shape", shape)
    lengths = tuple(1024 if side is None else side for side in pattern)
    if len(lengths) != 3:
        one = f"; for one channel, {(*lengths, 1)}" if len(lengths) == 2 else ""
        raise ValueError(f"{name}: input_shape must be (height, width, channels), got {lengths}{one}")
    if channels_first(lengths):
        turned = *lengths[1:], lengths[0]
        raise ValueError(f"{name}: channels come last: expected input_shape {turned}, got {lengths}")
    if min(lengths[:2]) < least:
        raise ValueError(f"{name}: images need at least {least} pixels on each side, got {lengths}")
    return pattern


def class_count(name: str, classes: int) -> int:
    """The number of classes of a classifier."""
    return checks.integer(f"{name}: classes", classes, 2)
