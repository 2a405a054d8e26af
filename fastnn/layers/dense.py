"""The fully connected layer."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.initializers import Initializer
from fastnn.layers import affine
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Affine, Linear, Value


@dataclass(eq=False, repr=False)
class Dense(Layer):
    """y = activation(x @ weight + bias), over the last axis of x: the fully connected layer.

    x has shape (batch, ..., in), weight (in, units), bias (units,) and y (batch, ..., units). The bias starts at zero.

    Parameters
    ----------
    units : int
        Outputs.
    activation : str or function, default "identity"
        One of `fastnn.activations`, or its name; None is "identity".
    bias : bool, default True
        Whether there is a bias.
    initializer : str or function, optional
        Of the weight: one of `fastnn.initializers`, or its name. None chooses he_normal before relu, relu6,
        leaky_relu, elu, gelu, silu, mish and hard_swish, lecun_normal before selu, and glorot_uniform otherwise.
    l1, l2 : float, default 0
        Penalties: l1 sum |weight| + l2 sum weight^2 is added to the loss.
    max_norm : float, optional
        After each update, the weights into each unit, weight[:, unit], are scaled down to this norm where theirs is
        larger.

    Raises
    ------
    TypeError, ValueError
        For units < 1, an unknown activation or initializer, a negative penalty, and a max_norm that is not positive.

    References
    ----------
    max_norm: N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, "Dropout: A Simple Way to
    Prevent Neural Networks from Overfitting", Journal of Machine Learning Research 15, 2014.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(2, "relu")], input_shape=(3,), seed=0)
    >>> net.predict(np.zeros((4, 3))).shape
    (4, 2)
    >>> {name: weight.shape for name, weight in net.weights.items()}
    {'dense_0.weight': (3, 2), 'dense_0.bias': (2,)}
    """

    units: int
    activation: str | None = "identity"
    bias: bool = True
    initializer: str | Initializer | None = None
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "units", checks.integer("Dense: units", self.units))
        affine.check(self)
        if self.max_norm is not None:
            norm = checks.real("Dense: max_norm", self.max_norm, least=checks.SMALLEST)
            object.__setattr__(self, "max_norm", norm)

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        wanted = affine.parameters(self, (features[-1], self.units), features[-1], self.units, self.units)
        wanted["weight"].max_norm = self.max_norm
        return wanted

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return checks.shape(f"{self.title()}: the output", (*features[:-1], self.units))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x, n = lowering.read(x), x.positions
        weight, bias = weights["weight"], weights.get("bias")
        y = lowering.value(n * self.units, x.trains or weight.gradient is not None, beside=x)
        y.affine = Affine(lowering.packed(weight.value), None if bias is None else bias.value, channels=(self.units,))
        y.producer = lowering.emit(kernels.Dense, x.buffer, **y.affine.options, y=y.buffer, positions=n)
        y.pending = self.activation or "identity"
        y.linear = Linear(x, weight, bias, y.producer)

        def backward() -> None:
            if y.gradient is None:  # the loss made the product and its gradients
                lowering.apply_derivative(x)
                return
            if weight.gradient is not None:
                gradients = weight.gradient, bias and bias.gradient
                add = lowering.adds(weight)
                lowering.emit(kernels.DenseWeightGradient, x.buffer, y.gradient, *gradients, add=add, positions=n)
            if x.trains:
                given = y.gradient, weight.value, lowering.gradient(x)
                slope = x.slope if x.activation != "identity" else ()
                lowering.emit(kernels.DenseInputGradient, *given, *slope, positions=n)

        lowering.backward(backward)
        return y
