"""Augmentation: images (batch, height, width, channels) changed at random in training, and not in prediction.

What happens to an image follows from the network's seed, the layer's place, the step and the image's place in the
batch. Gradients pass back through the change.
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
    """What they share: y = an Op's images, made of x and of numbers drawn for each, in training only."""

    trains_only: ClassVar[bool] = True

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        spatial(self, features, 2)
        return features

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        """The Op, how many random numbers it takes for an image, and its settings."""
        raise NotImplementedError

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if not lowering.varies:
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
    """In training, mirror each image with probability 1/2: y[i, j] = x[i, width - 1 - j].

    x and y are (batch, height, width, channels).

    Parameters
    ----------
    horizontal : bool, default True
        Whether left and right are exchanged.
    vertical : bool, default False
        Whether top and bottom are exchanged, with a probability 1/2 of its own.

    Raises
    ------
    TypeError, ValueError
        Unless both are bools and one of them is True; when built, for an input that is not images.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
    NIPS 2012, section 4.1.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.RandomFlip()], seed=0)
    >>> x = np.array([[1.0, 2.0, 3.0]] * 6).reshape(6, 1, 3, 1)
    >>> net.forward(x, training=True)[:, 0, 0, 0]
    array([1., 1., 3., 1., 1., 1.], dtype=float32)
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
    """In training, shift each image by whole pixels: y[i, j] = x[i - d, j - e], zero outside of x.

    This is padding with zeros and cropping at a random place. d and e are uniform integers from -pixels to pixels. x
    and y are (batch, height, width, channels).

    Parameters
    ----------
    pixels : int or (int, int)
        The largest shift: one number, or (down, right).

    Raises
    ------
    TypeError, ValueError
        Unless pixels are integers >= 0; when built, for an input that is not images, or images no larger than the
        shift.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2: 4 pixels
    for images of 32 x 32.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.RandomShift((0, 1))], seed=0)
    >>> x = np.array([[1.0, 2.0, 3.0]] * 3).reshape(3, 1, 3, 1)
    >>> net.forward(x, training=True)[:, 0, :, 0]
    array([[0., 1., 2.],
           [0., 1., 2.],
           [1., 2., 3.]], dtype=float32)
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
    """In training, rotate each image about its centre by an angle that is uniform from -degrees to degrees.

    y[p] = x[R p] with the rotation R, interpolated bilinearly between the four pixels around R p; zero outside of x. x
    and y are (batch, height, width, channels).

    Parameters
    ----------
    degrees : float
        The largest angle, 0 <= degrees <= 180.

    Raises
    ------
    TypeError, ValueError
        Unless 0 <= degrees <= 180; when built, for an input that is not images.

    References
    ----------
    P. Y. Simard, D. Steinkraus and J. C. Platt, "Best Practices for Convolutional Neural Networks Applied to Visual
    Document Analysis", ICDAR 2003, section 2.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.RandomRotation(10)], seed=0)
    >>> net.forward(np.ones((2, 9, 9, 1)), training=True)[:, 0, 0, 0] < 1
    array([ True,  True])
    """

    degrees: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "degrees", checks.real("RandomRotation: degrees", self.degrees, 0, 180))

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        return kernels.Rotate, 1, {"degrees": self.degrees}


@dataclass(eq=False, repr=False)
class RandomBrightness(Augmentation):
    """In training, y = x + b, one b for each image, uniform from -amount to amount; nothing is clipped.

    x and y are (batch, height, width, channels).

    Parameters
    ----------
    amount : float
        The largest change, >= 0, in the scale of x: 25 for bytes is 0.1 after Rescale(1 / 255).

    Raises
    ------
    TypeError, ValueError
        Unless amount >= 0; when built, for an input that is not images.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.RandomBrightness(0.1)], seed=0)
    >>> net.forward(np.ones((3, 1, 1, 1)), training=True).ravel().round(2)
    array([0.98, 1.09, 0.9 ], dtype=float32)
    """

    amount: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "amount", checks.real("RandomBrightness: amount", self.amount, least=0))

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        return kernels.Brightness, 1, {"amount": self.amount}


@dataclass(eq=False, repr=False)
class RandomContrast(Augmentation):
    """In training, y = m + a (x - m), m the mean of the image over all pixels and channels; nothing is clipped.

    There is one a for each image, uniform from 1 - amount to 1 + amount. x and y are (batch, height, width, channels).

    Parameters
    ----------
    amount : float
        The largest change of the contrast, relative to that of x, 0 <= amount <= 1.

    Raises
    ------
    TypeError, ValueError
        Unless 0 <= amount <= 1; when built, for an input that is not images.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.RandomContrast(0.5)], seed=0)
    >>> net.forward(np.array([[[[-1.0], [1.0]]]]), training=True).ravel().round(2)
    array([-0.9,  0.9], dtype=float32)
    """

    amount: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "amount", checks.real("RandomContrast: amount", self.amount, 0, 1))

    def op(self) -> tuple[type[Op], int, dict[str, Any]]:
        return kernels.Contrast, 1, {"amount": self.amount}


@dataclass(eq=False, repr=False)
class Cutout(Augmentation):
    """In training, y = x, but 0 in a square of size x size pixels about a random pixel, as far as it is inside x.

    Of an even size the larger half is above and to the left. Where zero is not the mean of x, put the layer after one
    that centres x. x and y are (batch, height, width, channels).

    Parameters
    ----------
    size : int
        Side of the square in pixels, >= 1.

    Raises
    ------
    TypeError, ValueError
        Unless size is an integer >= 1; when built, for an input that is not images, or images smaller than the square.

    References
    ----------
    T. DeVries and G. W. Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout",
    arXiv:1708.04552, 2017, section 3.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Cutout(3)], seed=0)
    >>> net.forward(np.ones((1, 5, 5, 1)), training=True)[0, :, :, 0]
    array([[1., 1., 1., 0., 0.],
           [1., 1., 1., 0., 0.],
           [1., 1., 1., 0., 0.],
           [1., 1., 1., 1., 1.],
           [1., 1., 1., 1., 1.]], dtype=float32)
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
    """The shape of images. Raises ValueError unless they are higher and wider than that."""
    if features[0] <= least[0] or features[1] <= least[1]:
        raise expected(layer, f"(batch, height > {least[0]}, width > {least[1]}, channels)", features)
    return features
