"""Windows that slide over images (batch, height, width, channels) and sequences (batch, time, channels)."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from fastnn.common import checks
from fastnn.kernels.axis import Axis
from fastnn.layers.base import Layer, expected
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.sequences import Scale
from fastnn.lowering.value import Value

#: An integer for all axes, or one for each.
Lengths = int | tuple[int, ...]
#: Numbers for the sides: one for all, one for each axis, or (before, after) for each axis.
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


#: The names that a padding may have, and of sequences.
PADDINGS, PADDINGS_OF_SEQUENCES = ("same", "valid"), ("same", "valid", "causal")


def padding(name: str, value: Any, count: int, names: Sequence[str]) -> str | tuple[tuple[int, int], ...]:
    """One of the names, or what is added before and after each axis."""
    if isinstance(value, str):
        return checks.known(name, value, names)
    return sides(name, value, count, wanted=", ".join([*(f'"{each}"' for each in names), "an integer"]))


def sides(name: str, value: Any, count: int, wanted: str = "an integer") -> tuple[tuple[int, int], ...]:
    """What is before and after each axis. Raises TypeError and ValueError for other values."""
    if isinstance(value, Iterable):
        values = tuple(value)
        if len(values) != count:
            raise ValueError(f"{name} must be {wanted}, or {count} of them or of pairs, got {value!r}")
        before_after = [lengths(f"{name}[{i}]", v, 2, least=0) for i, v in enumerate(values)]
        return tuple((before, after) for before, after in before_after)
    number = checks.integer(name, value, least=0)
    return ((number, number),) * count


def check(layer: Any, axes: int) -> None:
    """Checks a layer's kernel, strides, dilation and padding, and keeps them in their plain form.

    Raises ValueError and TypeError that name the layer's class and the setting.
    """
    for name in ("kernel", "strides", "dilation"):
        object.__setattr__(layer, name, lengths(f"{layer.kind}: {name}", getattr(layer, name), axes))
    object.__setattr__(layer, "padding", padding(f"{layer.kind}: padding", layer.padding, axes, layer.paddings))


class Pictured(Layer):
    """A layer that works along the axes before the channels."""

    #: Their number: two for images, one for sequences.
    axes: ClassVar[int] = 2
    #: The names that its padding may have.
    paddings: ClassVar[tuple[str, ...]] = PADDINGS

    def enter(self, features: tuple[int, ...]) -> None:
        if self.axes == 2 and channels_first(features):
            wanted = checks.batch((*AXES[2], "channels"))
            raise expected(self, wanted, features, "channels come last: x.transpose(0, 2, 3, 1)")


def channels_first(features: tuple[int, ...]) -> bool:
    """Whether this looks like the shape of an image with its channels before its rows, (3, 480, 640) or (1, 28, 28).

    Inside a network, after pooling say, feature maps may have it too, so only data are checked.
    """
    if len(features) != 3 or features[0] not in (1, 3):
        return False
    return features[1] == features[2] >= 16 or (features[0] == 3 and min(features[1:]) >= 64)


#: What the axes of an input are called, by the number of axes that a window slides along.
AXES = {1: ("time",), 2: ("height", "width")}


def spatial(layer: Layer, features: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The lengths of the `count` axes before the channels. Raises ValueError for another rank."""
    wanted = checks.batch((*AXES[count], "channels"))
    if len(features) == count:
        raise expected(layer, wanted, features, "the channels are missing: x[..., None] adds one")
    if len(features) != count + 1:
        raise expected(layer, wanted, features)
    return features[:-1]


class OverTime(Layer):
    """A layer of windows that slide over the steps of sequences, which may have lengths."""

    stepwise: ClassVar[bool] = True

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if lowering.stepping and self.remembers and x.buffer.steps is not None:
            return super().lower(lowering, x, weights, index)
        y = super().lower(lowering, lowering.filled(x), weights, index)  # zeros after the end are as good as padding
        y.shape = self.output(x.shape)
        return y if x.buffer.lengths is None else lowering.windowed(y, x, self.scale(x.shape))

    def scale(self, features: tuple[int, ...]) -> Scale:
        """How the lengths of the output follow from those of the input."""
        raise NotImplementedError(f"{self.kind}.scale is not defined")


class Window(NamedTuple):
    """The settings of windows along the `axes` axes before the channels."""

    axes: int
    kernel: Lengths
    strides: Lengths = 1
    padding: Padding = "valid"
    dilation: Lengths = 1

    def slide(self, layer: Layer, features: tuple[int, ...]) -> tuple[Axis, ...]:
        """The window along each axis of (batch, *features). "same": ceil(size / stride) outputs, an odd zero last.

        Raises ValueError for an input of another rank, a window that does not fit, and one that may be all padding.
        """
        axes = []
        for i, bare in enumerate(self._bare(layer, features)):
            missing = (-(-bare.size // bare.stride) - 1) * bare.stride + bare.reach - bare.size
            axis = self._padded(layer, bare, missing, i)
            if axis.output < 1:
                wanted = [*AXES[self.axes], "channels"]
                wanted[i] += f" >= {axis.reach - axis.before - axis.after}"
                raise expected(layer, checks.batch(wanted), features)
            axes.append(axis)
        return tuple(axes)

    def spread(self, layer: Layer, features: tuple[int, ...]) -> tuple[Axis, ...]:
        """The window along each axis of the image that such windows were taken from. "same": size * stride long.

        Raises ValueError for an input of another rank, and a padding that is as long as a window or leaves nothing.
        """
        axes = []
        for i, bare in enumerate(self._bare(layer, features)):
            axis = self._padded(layer, bare, bare.reach - bare.stride, i)
            size = (bare.size - 1) * bare.stride + bare.reach - axis.before - axis.after
            size = bare.size * bare.stride if self.padding == "same" else size
            if size < 1:
                raise ValueError(
                    f"{layer.title()}: padding leaves nothing of the {AXES[self.axes][i]}, {bare.size} long"
                )
            axes.append(axis._replace(size=size))
        return tuple(axes)

    def scale(self, layer: Layer, axis: Axis) -> Scale:
        """How many windows there are along this axis, for sequences of any length. See `Sequences.scaled`.

        Raises ValueError where their places would depend on the longest of a batch.
        """
        if self.padding == "same" and axis.stride > 1:
            raise ValueError(
                f'{layer.title()}: with padding "same" and strides, windows depend on the longest sequence; with '
                f"lengths give the padding as a number, {axis.reach // 2} say"
            )
        return 1, axis.before + axis.after - axis.reach + axis.stride, axis.stride

    def spread_scale(self, axis: Axis) -> Scale:
        """How long the axis is that the windows were taken from, for any number of windows; see `scale`."""
        if self.padding == "same":
            return axis.stride, 0, 1
        return axis.stride, axis.reach - axis.stride - axis.before - axis.after, 1

    def _bare(self, layer: Layer, features: tuple[int, ...]) -> list[Axis]:
        """The window along each axis without padding."""
        settings = [lengths("a window", value, self.axes) for value in (self.kernel, self.strides, self.dilation)]
        return [Axis(*given) for given in zip(spatial(layer, features, self.axes), *settings, strict=True)]

    def _padded(self, layer: Layer, axis: Axis, missing: int, i: int) -> Axis:
        """The i-th of the axes with its padding; missing: the padding of "same"."""
        if self.padding == "causal":
            return axis._replace(before=axis.reach - 1)
        given = padding("padding", self.padding, self.axes, PADDINGS)
        before, after = (0, 0) if isinstance(given, str) else given[i]
        if given == "same":
            before, after = max(missing, 0) // 2, max(missing, 0) - max(missing, 0) // 2
        if max(before, after) >= axis.reach:
            what = f"padding of the {AXES[self.axes][i]} must be less than the window, {axis.reach}"
            raise ValueError(f"{layer.title()}: {what}, got {max(before, after)}")
        return axis._replace(before=before, after=after)
