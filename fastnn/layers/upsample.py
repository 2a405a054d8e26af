"""Enlarged images."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.common import checks
from fastnn.kernels.axis import Axis
from fastnn.layers.window import Lengths, Pictured, lengths, spatial
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
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

    def __post_init__(self) -> None:
        super().__post_init__()
        scale = lengths("UpSample2D: size", self.size, 2)
        object.__setattr__(self, "size", scale[0] if scale[0] == scale[1] else scale)
        checks.known("interpolation", self.interpolation, ("nearest", "bilinear"))

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        height, width = spatial(self, features, 2)
        down, across = lengths("size", self.size, 2)
        return checks.shape(f"{self.title()}: the output", (height * down, width * across, features[-1]))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        picture, scale = x.shape[:2], lengths("size", self.size, 2)
        x = lowering.read(x)
        y = lowering.value(x.columns * scale[0] * scale[1], x.trains)
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
