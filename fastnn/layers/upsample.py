"""Enlarged images and sequences."""

import math
from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.kernels.axis import Axis
from fastnn.layers.window import Lengths, OverTime, Pictured, lengths, spatial
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.sequences import Scale
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class UpSample2D(Pictured):
    """y = x, enlarged by whole factors.

    x is (batch, height, width, channels), y (batch, height * down, width * across, channels).

    Parameters
    ----------
    size : int or (int, int), default 2
        The factor, or (down, across).
    interpolation : {"nearest", "bilinear"}, default "nearest"
        "nearest": y[i, j] = x[i // down, j // across]. "bilinear": the mean of the up to four pixels around (i + 0.5) /
        down - 0.5 and (j + 0.5) / across - 0.5, weighted by their distances, where the outermost pixels continue
        outwards, as in PyTorch (align_corners=False), Keras and ONNX (half_pixel).

    Raises
    ------
    TypeError, ValueError
        For other settings; when built, for an input of another rank or an image that would be too large.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.UpSample2D((1, 2))]).predict(np.array([[[[1.0], [2.0]]]]))[0, :, :, 0]
    array([[1., 1., 2., 2.]], dtype=float32)
    """

    size: Lengths = 2
    interpolation: str = "nearest"

    #: What the interpolation between the nearest pixels is called.
    smooth: ClassVar[str] = "bilinear"

    def __post_init__(self) -> None:
        super().__post_init__()
        scale = lengths(f"{self.kind}: size", self.size, self.axes)
        object.__setattr__(self, "size", scale[0] if len(set(scale)) == 1 else scale)
        checks.known("interpolation", self.interpolation, ("nearest", self.smooth))

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        shape, scale = spatial(self, features, self.axes), lengths("size", self.size, self.axes)
        enlarged = (n * times for n, times in zip(shape, scale, strict=True))
        return checks.shape(f"{self.title()}: the output", (*enlarged, features[-1]))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        picture = (1, *x.shape[:-1])[-2:]
        scale = (1, *lengths("size", self.size, self.axes))[-2:]
        size = math.prod(self.output(x.shape))
        x = lowering.read(x)
        y = lowering.value(size, x.trains)
        y.origin = x.ending
        # Nearest is the gradient of a sum over windows: each pixel goes to its whole window.
        axes = [Axis(n * times, kernel=times, stride=times) for n, times in zip(picture, scale, strict=True)]
        if self.interpolation == "nearest":
            lowering.emit(kernels.AveragePoolGradient, x.buffer, y.buffer, *axes, mean=False)
        else:
            lowering.emit(kernels.Bilinear, x.buffer, y.buffer, picture, scale)

        def backward() -> None:
            if not x.trains:
                return
            if self.interpolation == "nearest":
                lowering.emit(kernels.AveragePool, y.gradient, lowering.gradient(x), *axes, mean=False)
            else:
                lowering.emit(kernels.BilinearGradient, y.gradient, lowering.gradient(x), picture, scale)
            lowering.apply_derivative(x)

        lowering.backward(backward)
        return y


class UpSample1D(OverTime, UpSample2D):
    """y = x, longer by a whole factor: `UpSample2D` for sequences.

    x is (batch, time, channels), y (batch, time * size, channels). Of sequences with lengths, y has size steps for each
    real step.

    Parameters
    ----------
    size : int, default 2
        The factor.
    interpolation : {"nearest", "linear"}, default "nearest"
        "nearest": y[t] = x[t // size]. "linear": the mean of the one or two steps around (t + 0.5) / size - 0.5, as in
        `UpSample2D`; not of sequences with lengths.

    Raises
    ------
    TypeError, ValueError
        As `UpSample2D`, and for sequences with lengths and interpolation "linear".

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.UpSample1D(2, "linear")]).predict(np.array([[[1.0], [2.0]]]))[0, :, 0]
    array([1.  , 1.25, 1.75, 2.  ], dtype=float32)
    """

    axes: ClassVar[int] = 1
    smooth: ClassVar[str] = "linear"

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if x.buffer.lengths is not None and self.interpolation == self.smooth:
            raise ValueError(
                f"{self.title()}: sequences with lengths have no step after their last to interpolate with; take "
                'interpolation="nearest"'
            )
        return super().lower(lowering, x, weights, index)

    def scale(self, features: tuple[int, ...]) -> Scale:
        return lengths("size", self.size, 1)[0], 0, 1
