"""Images and sequences with a border of zeros, or without their border."""

import math
from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.kernels.axis import Axis
from fastnn.layers.base import expected
from fastnn.layers.window import AXES, OverTime, Pictured, Sides, sides, spatial
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.sequences import Scale
from fastnn.lowering.value import Value


class _Border(Pictured):
    """A layer that adds pixels at the sides, or removes them."""

    def border(self, features: tuple[int, ...]) -> tuple[Axis, ...]:
        """The axes of (batch, *features) before the channels, and what is added before and after them."""
        raise NotImplementedError(f"{self.kind}.border is not defined")

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        shape = *(axis.output for axis in self.border(features)), features[-1]
        return checks.shape(f"{self.title()}: the output", shape)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        axes, size = (Axis(1), *self.border(x.shape))[-2:], math.prod(self.output(x.shape))
        x = lowering.read(x)
        y = lowering.value(size, x.trains)
        y.origin = x.ending
        lowering.emit(kernels.Pad, x.buffer, y.buffer, *axes)

        def backward() -> None:
            if x.trains:
                back = [Axis(axis.output, before=-axis.before, after=-axis.after) for axis in axes]
                lowering.emit(kernels.Pad, y.gradient, lowering.gradient(x), *back)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y


class _OverTime(OverTime, _Border):
    """The same for sequences."""

    axes: ClassVar[int] = 1

    def scale(self, features: tuple[int, ...]) -> Scale:
        (axis,) = self.border(features)
        return 1, axis.before + axis.after, 1


@dataclass(eq=False, repr=False)
class ZeroPad2D(_Border):
    """y = x with zeros around it.

    x is (batch, height, width, channels), y (batch, top + height + bottom, left + width + right, channels).

    Parameters
    ----------
    padding : int or tuple
        Pixels on all sides; (vertical, horizontal); or ((top, bottom), (left, right)).

    Raises
    ------
    TypeError, ValueError
        For another padding; when built, for an input of another rank or an image that would be too large.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.ZeroPad2D(((0, 1), (2, 2)))(fnn.Input((28, 28, 3))).shape
    (29, 32, 3)
    """

    padding: Sides

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "padding", sides(f"{self.kind}: padding", self.padding, self.axes))

    def border(self, features: tuple[int, ...]) -> tuple[Axis, ...]:
        added = sides("padding", self.padding, self.axes)
        axes = zip(spatial(self, features, self.axes), added, strict=True)
        return tuple(Axis(size, before=before, after=after) for size, (before, after) in axes)


class ZeroPad1D(_OverTime, ZeroPad2D):
    """y = x with steps of zeros before and after it: `ZeroPad2D` for sequences.

    x is (batch, time, channels), y (batch, before + time + after, channels). Of sequences with lengths, the zeros come
    right after the last real step.

    Parameters
    ----------
    padding : int or tuple
        Steps on both sides; or ((before, after),).

    Raises
    ------
    TypeError, ValueError
        As `ZeroPad2D`.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.ZeroPad1D(((2, 0),))(fnn.Input((100, 3))).shape
    (102, 3)
    """


@dataclass(eq=False, repr=False)
class Crop2D(_Border):
    """y = x without the pixels at its sides.

    x is (batch, height, width, channels), y (batch, height - top - bottom, width - left - right, channels).

    Parameters
    ----------
    cropping : int or tuple
        Pixels on all sides; (vertical, horizontal); or ((top, bottom), (left, right)).

    Raises
    ------
    TypeError, ValueError
        For another cropping; when built, for an input of another rank or where no pixel is left.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Crop2D((2, 0))(fnn.Input((28, 28, 3))).shape
    (24, 28, 3)
    """

    cropping: Sides

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "cropping", sides(f"{self.kind}: cropping", self.cropping, self.axes))

    def border(self, features: tuple[int, ...]) -> tuple[Axis, ...]:
        removed = sides("cropping", self.cropping, self.axes)
        axes = zip(spatial(self, features, self.axes), removed, strict=True)
        left = tuple(Axis(size, before=-before, after=-after) for size, (before, after) in axes)
        if min(axis.output for axis in left) < 1:
            least = zip(AXES[self.axes], removed, strict=True)
            wanted = *(f"{name} > {before + after}" for name, (before, after) in least), "channels"
            raise expected(self, checks.batch(wanted), features)
        return left


class Crop1D(_OverTime, Crop2D):
    """y = x without its first and last steps: `Crop2D` for sequences.

    x is (batch, time, channels), y (batch, time - before - after, channels). Of sequences with lengths, the last real
    steps are removed.

    Parameters
    ----------
    cropping : int or tuple
        Steps on both sides; or ((before, after),).

    Raises
    ------
    TypeError, ValueError
        As `Crop2D`.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Crop1D(((2, 0),))(fnn.Input((100, 3))).shape
    (98, 3)
    """
