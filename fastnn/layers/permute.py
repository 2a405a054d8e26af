"""The axes of samples in another order."""

import math
from dataclasses import dataclass

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer, expected
from fastnn.lowering.backward import ROW_WISE
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Permute(Layer):
    """y = x with its axes in another order, as numpy.transpose(x, (0, *axes)); the batch stays the first.

    Parameters
    ----------
    axes : tuple of int
        For each axis of y after the batch, which axis of x it is: each of 1, 2, ... once. (2, 1) transposes.

    Raises
    ------
    TypeError, ValueError
        For other axes; when called, for an input of another number of axes.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Permute((3, 1, 2))(fnn.Input((28, 32, 3))).shape
    (3, 28, 32)
    """

    axes: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        axes = tuple(checks.listed("Permute: axes", self.axes, int, "integers, each axis once"))
        if not axes or sorted(axes) != list(range(1, len(axes) + 1)):
            raise ValueError(f"Permute: axes must be 1, 2, ... in any order, each once, got {self.axes!r}")
        object.__setattr__(self, "axes", axes)

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        if len(features) != len(self.axes):
            raise expected(self, f"with {len(self.axes)} axes after the batch", features)
        return tuple(features[axis - 1] for axis in self.axes)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x = lowering.read(x)
        y = lowering.value(math.prod(x.shape), x.trains)
        axes = tuple(axis - 1 for axis in self.axes)
        shape = self.output(x.shape)
        y.origin = "identity" if x.ending in ROW_WISE and axes[-1] != len(axes) - 1 else x.ending
        lowering.emit(kernels.Permute, x.buffer, y.buffer, x.shape, axes)

        def backward() -> None:
            if x.trains:
                back = tuple(axes.index(axis) for axis in range(len(axes)))
                lowering.emit(kernels.Permute, y.gradient, lowering.gradient(x), shape, back)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y
