"""The mean along an axis."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.kernels.axis import Axis
from fastnn.layers import axes
from fastnn.layers.base import Layer
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Mean(Layer):
    """y = the mean of x along an axis, which y has with length 1, so that it broadcasts to x; x is (batch, ...).

    Parameters
    ----------
    axis : int, default -1
        As in NumPy: 0 is the batch, and -1 the last axis.

    Raises
    ------
    TypeError, ValueError
        For axis 0; when called, for an axis that x does not have.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> x = fnn.Input((3,))
    >>> centred = fnn.Network(x, fnn.Subtract()([x, fnn.Mean()(x)]))
    >>> centred.predict(np.array([[1.0, 2.0, 6.0]]))
    array([[-2., -1.,  3.]], dtype=float32)
    """

    axis: int = -1

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "axis", axes.checked("Mean", self.axis, "average"))

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        place = axes.place(self, self.axis, features)
        return (*features[:place], 1, *features[place + 1 :])

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        place = axes.place_of(self.axis, len(x.shape))
        n = x.shape[place]
        x, (before, after) = axes.split(lowering, x, place, place + 1)
        y = lowering.value(before * after, x.trains, beside=x)
        windows = Axis(before), Axis(n, kernel=n)
        lowering.emit(kernels.AveragePool, x.buffer, y.buffer, *windows)

        def backward() -> None:
            if x.trains:
                lowering.emit(kernels.AveragePoolGradient, y.gradient, lowering.gradient(x), *windows)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y
