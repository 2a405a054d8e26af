"""Windows that slide over pictures (batch, height, width, channels) and sequences (batch, time, channels)."""

from collections.abc import Iterable
from typing import Any, ClassVar

from fastnn.common import checks
from fastnn.kernels.axis import Axis
from fastnn.layers.base import Layer, expected

#: An integer for all axes, or one for each.
Lengths = int | tuple[int, ...]
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


class Pictured(Layer):
    """A layer that goes along the axes before the channels."""

    #: How many they are: two of pictures, one of sequences.
    axes: ClassVar[int] = 2

    def enter(self, features: tuple[int, ...]) -> None:
        if self.axes == 2 and channels_first(features):
            wanted = checks.batch((*_AXES[2], "channels"))
            raise expected(self, wanted, features, "channels come last: x.transpose(0, 2, 3, 1)")


def channels_first(features: tuple[int, ...]) -> bool:
    """Whether this looks like the shape of a picture with its channels before its rows, (3, 480, 640) or (1, 28, 28).

    Within a network, behind pooling say, maps may have it too: a layer is asked about the data alone.
    """
    if len(features) != 3 or features[0] not in (1, 3):
        return False
    return features[1] == features[2] >= 16 or (features[0] == 3 and min(features[1:]) >= 64)


#: What the axes of an input are called, by the number of axes that a window slides along.
_AXES = {1: ("time",), 2: ("height", "width")}


def spatial(layer: Layer, features: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The lengths of the `count` axes before the channels. Raises ValueError for another rank."""
    wanted = checks.batch((*_AXES[count], "channels"))
    if len(features) == count:
        raise expected(layer, wanted, features, "the channels are missing: where there is one, x[..., None] adds it")
    if len(features) != count + 1:
        raise expected(layer, wanted, features)
    return features[:-1]


def slide(
    layer: Layer,
    features: tuple[int, ...],
    count: int,
    kernel: Lengths,
    strides: Lengths,
    pads: Padding,
    dilation: Lengths = 1,
) -> tuple[Axis, ...]:
    """The window along each axis of an input (batch, *features). "same": ceil(size / stride) outputs, an odd zero last.

    Raises ValueError for an input of another rank, a window that does not fit, and one that may lie in the padding.
    """
    axes = []
    for i, bare in enumerate(_bare(layer, features, count, kernel, strides, dilation)):
        missing = (-(-bare.size // bare.stride) - 1) * bare.stride + bare.reach - bare.size
        axis = _padded(layer, bare, pads, missing, count, i)
        if axis.output < 1:
            wanted = [*_AXES[count], "channels"]
            wanted[i] += f" >= {axis.reach - axis.before - axis.after}"
            raise expected(layer, checks.batch(wanted), features)
        axes.append(axis)
    return tuple(axes)


def spread(
    layer: Layer,
    features: tuple[int, ...],
    count: int,
    kernel: Lengths,
    strides: Lengths,
    pads: Padding,
    dilation: Lengths = 1,
) -> tuple[Axis, ...]:
    """The window along each axis of the picture that such windows were taken from. "same": size * stride long.

    Raises ValueError for an input of another rank, and a padding that is as long as a window or leaves nothing.
    """
    axes = []
    for i, bare in enumerate(_bare(layer, features, count, kernel, strides, dilation)):
        axis = _padded(layer, bare, pads, bare.reach - bare.stride, count, i)
        size = (bare.size - 1) * bare.stride + bare.reach - axis.before - axis.after
        size = bare.size * bare.stride if pads == "same" else size
        if size < 1:
            raise ValueError(f"{layer.title()}: padding leaves nothing of the {_AXES[count][i]}, {bare.size} long")
        axes.append(axis._replace(size=size))
    return tuple(axes)


def _bare(
    layer: Layer, features: tuple[int, ...], count: int, kernel: Lengths, strides: Lengths, dilation: Lengths
) -> list[Axis]:
    """The window along each axis without padding."""
    settings = [lengths("a window", value, count) for value in (kernel, strides, dilation)]
    return [Axis(*given) for given in zip(spatial(layer, features, count), *settings, strict=True)]


def _padded(layer: Layer, axis: Axis, pads: Padding, missing: int, count: int, i: int) -> Axis:
    """The i-th of the axes with its padding; missing: how much of it "same" is."""
    given = padding("padding", pads, count)
    before, after = (0, 0) if isinstance(given, str) else given[i]
    if given == "same":
        before, after = max(missing, 0) // 2, max(missing, 0) - max(missing, 0) // 2
    if max(before, after) >= axis.reach:
        what = f"padding of the {_AXES[count][i]} must be less than the window, {axis.reach}"
        raise ValueError(f"{layer.title()}: {what}, got {max(before, after)}")
    return axis._replace(before=before, after=after)
