"""Group normalization."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class GroupNorm(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance of a sample's group of channels.

    x and y are (batch, ..., channels): images, sequences or features. A group is channels / groups channels that are
    next to one another, at all positions. gamma and beta are (channels,); the variance is the biased one. Samples do
    not depend on one another, and training and prediction compute the same. With as many groups as channels it is
    instance normalization. Of a sequence it mixes all steps, so that it takes no `lengths`.

    Parameters
    ----------
    groups : int
        A divisor of the number of channels.
    epsilon : float, default 1e-5
        Added to the variance, > 0.

    Raises
    ------
    TypeError, ValueError
        Unless groups >= 1 and epsilon > 0; when called, for channels that groups do not divide.

    References
    ----------
    Y. Wu and K. He, "Group Normalization", ECCV 2018, eq. 1 to 3.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Conv2D(16, 3), fnn.GroupNorm(4)], input_shape=(8, 8, 3))
    >>> net.weights["group_norm_0.gamma"].shape
    (16,)
    """

    groups: int
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "groups", checks.integer("GroupNorm: groups", self.groups))
        object.__setattr__(self, "epsilon", checks.real("GroupNorm: epsilon", self.epsilon, checks.SMALLEST))

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        if features[-1] % self.groups:
            raise ValueError(f"{self.title()}: {self.groups} groups do not divide {features[-1]} channels")
        return features

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        return {"gamma": Parameter(features[-1:], "ones"), "beta": Parameter(features[-1:], "zeros")}

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x, gamma, beta = lowering.read(x), weights["gamma"], weights["beta"]
        y = lowering.value(x.columns, trains=x.trains or gamma.gradient is not None, beside=x)
        moments = x.buffer.beside(2 * gamma.value.size)
        options = {"groups": self.groups, "epsilon": self.epsilon}
        lowering.emit(kernels.GroupNorm, x.buffer, gamma.value, beta.value, moments, y.buffer, **options)

        def backward() -> None:
            if not y.trains:
                return
            add = gamma.gradient is not None and lowering.adds(gamma)
            given = x.buffer, y.gradient, moments, gamma.value, lowering.gradient(x) if x.trains else None
            lowering.emit(kernels.GroupNormGradient, *given, gamma.gradient, beta.gradient, add=add, **options)
            lowering.apply_derivative(x)

        lowering.backward(backward)
        return y
