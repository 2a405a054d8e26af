"""Layer normalization."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class LayerNorm(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance over the last axis of x.

    x and y are (batch, ..., features), gamma and beta (features,); the variance is the biased one. Training and
    prediction compute the same.

    Parameters
    ----------
    epsilon : float, default 1e-5
        Added to the variance, > 0.

    Raises
    ------
    TypeError, ValueError
        Unless epsilon > 0.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer Normalization", arXiv:1607.06450, 2016, eq. 4.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.LayerNorm()]).predict(np.array([[1.0, 3.0]])).round(3)
    array([[-1.,  1.]], dtype=float32)
    """

    epsilon: float = 1e-5

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "epsilon", checks.real("LayerNorm: epsilon", self.epsilon, checks.SMALLEST))

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        return {"gamma": Parameter(features[-1:], "ones"), "beta": Parameter(features[-1:], "zeros")}

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x, gamma, beta = lowering.read(x), weights["gamma"], weights["beta"]
        y = lowering.value(x.columns, trains=x.trains or gamma.gradient is not None, beside=x)
        moments = x.buffer.beside(2 * (x.columns // gamma.value.size))
        lowering.emit(kernels.LayerNorm, x.buffer, gamma.value, beta.value, moments, y.buffer, epsilon=self.epsilon)

        def backward() -> None:
            given = x.buffer, y.gradient, moments
            if gamma.gradient is not None:
                gradients = gamma.gradient, beta.gradient
                lowering.emit(kernels.LayerNormWeightGradient, *given, *gradients, add=lowering.adds(gamma))
            if x.trains:
                lowering.emit(kernels.LayerNormInputGradient, *given, gamma.value, lowering.gradient(x))
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y
