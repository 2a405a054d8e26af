"""Augmentation: pictures (batch, height, width, channels) changed at random in training, and not in prediction.

What happens to a picture follows from the network's seed, the layer's place, the step and the picture's place in the
batch. Gradients pass back through what happened to it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.engine.op import Op
from fastnn.layers.base import Layer, expected
from fastnn.layers.window import Pictured, lengths, spatial
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


class Augmentation(Pictured):
    """What they share: y = an Op's pictures, made of x and of numbers drawn for each, in training only."""

    trains_only: ClassVar[bool] = True

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        spatial(self, features, 2)
        return features

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        """The Op, how many numbers it takes for a picture, and its settings."""
        raise NotImplementedError

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if not lowering.training:
            return x
        op, count, settings = self.op()
        settings["shape"], x = x.shape, lowering.read(x)
        u, y = lowering.value(count, trains=False).buffer, lowering.value(x.columns, x.trains)
        y.origin = x.ending
        lowering.emit(kernels.Uniform, u, seed=lowering.seed, stream=index)
        lowering.emit(op, x.buffer, u, y.buffer, **settings)

        def backward() -> None:
            if x.trains:
                lowering.emit(op, y.gradient, u, lowering.gradient(x), **settings, transposed=True)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y


@dataclass(eq=False, repr=False)
class RandomFlip(Augmentation):
    """In training each picture is mirrored with probability 1/2: y[i, j] = x[i, width - 1 - j].

    horizontal: left and right change places. vertical: top and bottom do, with probability 1/2 of its own. x, y (batch,
    height, width, channels). Raises TypeError and ValueError unless they are bools, one of them True, and, when built,
    for an input that is no pictures. Krizhevsky et al. 2012, section 4.1.
    """

    horizontal: bool = True
    vertical: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("horizontal", "vertical"):
            checks.flag(f"RandomFlip: {name}", getattr(self, name))
        if not (self.horizontal or self.vertical):
            raise ValueError("RandomFlip: horizontal or vertical must be True")

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        return kernels.FlipShift, 2, {"flip": (self.vertical, self.horizontal)}


@dataclass(eq=False, repr=False)
class RandomShift(Augmentation):
    """In training y[i, j] = x[i - d, j - e], zero outside: padded with zeros and cropped back at a random place.

    d and e are uniform integers from -pixels to pixels. pixels: one number, or (down, right). x, y (batch,
    height, width, channels). Raises TypeError and ValueError unless they are integers >= 0, and, when built, for an
    input that is no pictures, or none larger than that. He et al. 2016, section 4.2: 4 pixels for pictures of 32 x 32.
    """

    pixels: int | tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "pixels", lengths("RandomShift: pixels", self.pixels, 2, least=0))

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        assert isinstance(self.pixels, tuple)
        return larger(self, super().output(features), self.pixels)

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        return kernels.FlipShift, 2, {"pixels": self.pixels}


@dataclass(eq=False, repr=False)
class RandomRotation(Augmentation):
    """In training each picture is turned about its centre by an angle that is uniform from -degrees to degrees.

    y[p] = x[R p], R the rotation, interpolated bilinearly between the four pixels around R p; zero outside of x. x, y
    (batch, height, width, channels). Raises TypeError and ValueError unless 0 <= degrees <= 180, and, when built, for
    an input that is no pictures. Simard et al. 2003, section 2.
    """

    degrees: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "degrees", checks.real("RandomRotation: degrees", self.degrees, 0, 180))

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        return kernels.Rotate, 1, {"degrees": self.degrees}


@dataclass(eq=False, repr=False)
class RandomBrightness(Augmentation):
    """In training y = x + b, one b for each picture, uniform from -amount to amount; nothing is clipped.

    amount: in the scale of x, so that 25 for bytes is 0.1 after Rescale(1 / 255). x, y (batch, height, width,
    channels). Raises TypeError and ValueError unless amount is a number >= 0, and, when built, for an input that is no
    pictures.
    """

    amount: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "amount", checks.real("RandomBrightness: amount", self.amount, least=0))

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        return kernels.Brightness, 1, {"amount": self.amount}


@dataclass(eq=False, repr=False)
class RandomContrast(Augmentation):
    """In training y = m + a (x - m), m the mean of the picture over all pixels and channels; nothing is clipped.

    One a for each picture, uniform from 1 - amount to 1 + amount; amount has no unit. x, y (batch, height, width,
    channels). Raises TypeError and ValueError unless 0 <= amount <= 1, and, when built, for an input that is no
    pictures.
    """

    amount: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "amount", checks.real("RandomContrast: amount", self.amount, 0, 1))

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        return kernels.Contrast, 1, {"amount": self.amount}


@dataclass(eq=False, repr=False)
class Cutout(Augmentation):
    """In training y = x, but 0 in a square of size x size pixels about a random pixel, as far as it lies in x.

    Of an even size the larger half lies above and to the left. Where zero is not the mean of x, put it after what makes
    it so. x, y (batch, height, width, channels). Raises TypeError and ValueError unless size is an integer >= 1, and,
    when built, for an input that is no pictures, or smaller ones. DeVries and Taylor 2017, section 3.
    """

    size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "size", checks.integer("Cutout: size", self.size))

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return larger(self, super().output(features), (self.size - 1, self.size - 1))

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        return kernels.Cutout, 2, {"side": self.size}


def larger(layer: Layer, features: tuple[int, ...], least: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of pictures. Raises ValueError unless they are higher and wider than that."""
    if features[0] <= least[0] or features[1] <= least[1]:
        raise expected(layer, f"(batch, height > {least[0]}, width > {least[1]}, channels)", features)
    return features
