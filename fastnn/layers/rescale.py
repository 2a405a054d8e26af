"""Scaling and offset."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Rescale(Layer):
    """y = scale * x + offset; x and y are (batch, ...).

    Parameters
    ----------
    scale : float
        Factor. Rescale(1 / 255) maps images of bytes to [0, 1].
    offset : float, default 0
        Added after scaling.

    Raises
    ------
    TypeError, ValueError
        Unless both are finite numbers.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.Rescale(1 / 255)]).predict(np.array([[0, 255]], np.uint8))
    array([[0., 1.]], dtype=float32)
    """

    scale: float
    offset: float = 0.0

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("scale", "offset"):
            number = checks.real(f"Rescale: {name}", getattr(self, name), least=-checks.LARGEST)
            object.__setattr__(self, name, number)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x = lowering.read(x)
        y = lowering.value(x.columns, x.trains, beside=x)
        y.origin = x.ending
        lowering.emit(kernels.Rescale, x.buffer, y.buffer, scale=self.scale, offset=self.offset)

        def backward() -> None:
            if x.trains:
                lowering.emit(kernels.Rescale, y.gradient, lowering.gradient(x), scale=self.scale)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y
