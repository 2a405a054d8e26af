"""Windows that slide over pictures (batch, height, width, channels) and sequences (batch, time, channels)."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fastnn import checks
from fastnn.kernels.axis import Axis
from fastnn.layers.base import Layer, expected

#: What may be said of sides: a number for all, one for each axis, or (before, after) for each axis.
Sides = int | tuple[int | tuple[int, int], ...]
#: What a padding may be: also a name.
Padding = str | Sides


def lengths(name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """An integer for all axes, or one for each, as a tuple of `count`. Raises TypeError, ValueError for others."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        values = tuple(value)
        if len(values) != count:
            raise ValueError(f"{name} must be an integer, or {count} of them, got {value!r}")
        return tuple(checks.integer(f"{name}[{i}]", v, least) for i, v in enumerate(values))
    return (checks.integer(name, value, least),) * count


def padding(name: str, value: Any, count: int) -> str | tuple[tuple[int, int], ...]:
    """The name "same" or "valid", or what is added before and after each axis."""
    if isinstance(value, str):
        return checks.known(name, value, ("same", "valid"))
    return sides(name, value, count, wanted='"same", "valid", an integer')


def sides(name: str, value: Any, count: int, wanted: str = "an integer") -> tuple[tuple[int, int], ...]:
    """What is before and after each axis. Raises TypeError, ValueError for what does not say it."""
    if isinstance(value, Iterable):
        values = tuple(value)
        if len(values) != count:
            raise ValueError(f"{name} must be {wanted}, or {count} of them or of pairs, got {value!r}")
        before_after = [lengths(f"{name}[{i}]", v, 2, least=0) for i, v in enumerate(values)]
        return tuple((before, after) for before, after in before_after)
    number = checks.integer(name, value, least=0)
    return ((number, number),) * count


#: What the axes of an input are called, by the number of axes that a window slides along.
_AXES = {1: ("time",), 2: ("height", "width")}


def spatial(layer: Layer, features: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The lengths of the `count` axes before the channels. Raises ValueError for another rank or channels first."""
    wanted = checks.batch((*_AXES[count], "channels"))
    if len(features) == count:
        raise expected(layer, wanted, features, "the channels are missing: where there is one, x[..., None] adds it")
    if len(features) != count + 1:
        raise expected(layer, wanted, features)
    if count == 2 and features[0] in (1, 3) and features[1] == features[2] >= 16:
        raise expected(layer, wanted, features, "channels come last: x.transpose(0, 2, 3, 1)")
    return features[:-1]


def slide(
    layer: Layer,
    features: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    pads: str | tuple[tuple[int, int], ...],
    dilation: tuple[int, ...] | None = None,
) -> tuple[Axis, ...]:
    """The window along each axis of an input (batch, *features). "same": ceil(size / stride) outputs, an odd zero last.

    Raises ValueError for an input of another rank, a window that does not fit, and one that may lie in the padding.
    """
    count = len(kernel)
    sizes, dilation = spatial(layer, features, count), dilation or (1,) * count
    axes = []
    for i, name in enumerate(_AXES[count]):
        axis = Axis(sizes[i], kernel[i], strides[i], dilation[i])
        before, after = (0, 0) if isinstance(pads, str) else pads[i]
        if pads == "same":
            missing = max((-(-axis.size // axis.stride) - 1) * axis.stride + axis.reach - axis.size, 0)
            before, after = missing // 2, missing - missing // 2
        axis = replace(axis, before=before, after=after)
        if max(before, after) >= axis.reach:
            raise ValueError(
                f"{layer.title()}: padding {name}, {max(before, after)}, must be less than the window, {axis.reach}"
            )
        if axis.output < 1:
            wanted = [*_AXES[count], "channels"]
            wanted[i] += f" >= {axis.reach - before - after}"
            raise expected(layer, checks.batch(wanted), features)
        axes.append(axis)
    checks.shape(f"{layer.title()}: the output's shape", [axis.output for axis in axes])
    return tuple(axes)
