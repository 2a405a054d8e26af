"""The rectifier with learned slopes."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Buffer, Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class PReLU(Layer):
    """y = x where x > 0, else slope * x, with one learned slope for each feature of the last axis.

    x and y are (batch, ..., features), slope (features,). A Dense before it learns best with initializer="he_normal".

    Parameters
    ----------
    initial : float, default 0.25
        What the slopes start with.

    Raises
    ------
    TypeError, ValueError
        For an initial that is not a finite number.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
    Classification", ICCV 2015, eq. 1.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.PReLU()]).predict(np.array([[-2.0, 2.0]]))
    array([[-0.5,  2. ]], dtype=float32)
    """

    initial: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "initial", checks.real("PReLU: initial", self.initial, least=-checks.LARGEST))

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        return {"slope": Parameter((features[-1],), self.initial)}

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x, slope = lowering.read(x), weights["slope"]
        y = lowering.value(x.columns, trains=x.trains or slope.gradient is not None)
        lowering.emit(kernels.PReLU, x.buffer, slope.value, y.buffer)

        def backward() -> None:
            if not y.trains:
                return
            dx = lowering.gradient(x) if x.trains else Buffer(x.columns)
            gradients = (y.gradient, dx, slope.gradient)
            add = slope.gradient is not None and lowering.adds(slope)
            lowering.emit(kernels.PReLUGradient, x.buffer, slope.value, *gradients, add=add)
            if x.trains:
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y
