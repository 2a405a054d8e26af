"""Normalization over the last axis: by mean and variance, or by the root mean square."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class _Norm(Layer):
    """What both share: `gamma`, and `beta` where a mean is removed."""

    epsilon: float = 1e-5

    stepwise: ClassVar[bool] = True
    #: Whether it removes the mean, and adds beta.
    centred: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "epsilon", checks.real(f"{self.kind}: epsilon", self.epsilon, checks.SMALLEST))

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        wanted = {"gamma": Parameter(features[-1:], "ones")}
        return {**wanted, "beta": Parameter(features[-1:], "zeros")} if self.centred else wanted

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x, gamma = lowering.read(x), weights["gamma"]
        beta = weights["beta"] if self.centred else None
        y = lowering.value(x.columns, trains=x.trains or gamma.gradient is not None, beside=x)
        moments = x.buffer.beside(2 * (x.columns // gamma.value.size))
        given = x.buffer, gamma.value, beta and beta.value, moments
        lowering.emit(kernels.LayerNorm, *given, y.buffer, epsilon=self.epsilon)

        def backward() -> None:
            given = x.buffer, y.gradient, moments
            if gamma.gradient is not None:
                gradients = gamma.gradient, beta and beta.gradient
                lowering.emit(kernels.LayerNormWeightGradient, *given, *gradients, add=lowering.adds(gamma))
            if x.trains:
                dx = lowering.gradient(x)
                lowering.emit(kernels.LayerNormInputGradient, *given, gamma.value, dx, centred=self.centred)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y


class LayerNorm(_Norm):
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


class RMSNorm(_Norm):
    """y = gamma x / sqrt(mean of x^2 + epsilon), with the mean over the last axis of x.

    x and y are (batch, ..., features), gamma (features,). Unlike `LayerNorm` it removes no mean and adds no bias.

    Parameters
    ----------
    epsilon : float, default 1e-5
        Added to the mean square, > 0.

    Raises
    ------
    TypeError, ValueError
        Unless epsilon > 0.

    References
    ----------
    B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, eq. 4.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.RMSNorm()]).predict(np.array([[1.0, 7.0]])).round(3)
    array([[0.2, 1.4]], dtype=float32)
    """

    centred: ClassVar[bool] = False
