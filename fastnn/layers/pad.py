"""Images with a border of zeros, or without their border."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.common import checks
from fastnn.kernels.axis import Axis
from fastnn.layers.base import expected
from fastnn.layers.window import Pictured, Sides, sides, spatial
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


class _Border(Pictured):
    """A layer that adds pixels at the sides, or removes them."""

    def border(self, features: tuple[int, ...]) -> tuple[Axis, Axis]:
        """The rows and columns of (batch, *features), and what is added before and after them."""
        raise NotImplementedError(f"{self.kind}.border is not defined")

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        shape = *(axis.output for axis in self.border(features)), features[-1]
        return checks.shape(f"{self.title()}: the output", shape)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        axes = self.border(x.shape)
        columns = x.columns // (axes[0].size * axes[1].size) * axes[0].output * axes[1].output
        x = lowering.read(x)
        y = lowering.value(columns, x.trains)
        y.origin = x.ending
        lowering.emit(kernels.Pad, x.buffer, y.buffer, *axes)

        def backward() -> None:
            if x.trains:
                back = [Axis(axis.output, before=-axis.before, after=-axis.after) for axis in axes]
                lowering.emit(kernels.Pad, y.gradient, lowering.gradient(x), *back)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y


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
        object.__setattr__(self, "padding", sides("ZeroPad2D: padding", self.padding, 2))

    def border(self, features: tuple[int, ...]) -> tuple[Axis, Axis]:
        (top, bottom), (left, right) = sides("padding", self.padding, 2)
        height, width = spatial(self, features, 2)
        return Axis(height, before=top, after=bottom), Axis(width, before=left, after=right)


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
        object.__setattr__(self, "cropping", sides("Crop2D: cropping", self.cropping, 2))

    def border(self, features: tuple[int, ...]) -> tuple[Axis, Axis]:
        (top, bottom), (left, right) = sides("cropping", self.cropping, 2)
        height, width = spatial(self, features, 2)
        axes = Axis(height, before=-top, after=-bottom), Axis(width, before=-left, after=-right)
        if min(axis.output for axis in axes) < 1:
            wanted = f"height > {top + bottom}", f"width > {left + right}", "channels"
            raise expected(self, checks.batch(wanted), features)
        return axes
