"""A product with the weight of another layer."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.activation import known_activation
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class TiedDense(Layer):
    """y = activation(x @ weight.T + bias), with the weight of another layer of the same network, which both train.

    The other one is an `Embedding`, whose ids the outputs are scores of, or a `Dense`, which this one undoes in an
    autoencoder. x is (batch, ..., in), the weight (units, in), bias (units,) and y (batch, ..., units). The weight's
    gradient is the sum of those at both places.

    Parameters
    ----------
    units : int
        Outputs: the vocabulary of an Embedding, or the inputs of a Dense.
    layer : str
        The name of the layer that has the weight.
    activation : str or function, default "identity"
        One of `fastnn.activations`, or its name; None is "identity".

    Raises
    ------
    TypeError, ValueError
        For units < 1, an unknown activation, and, when the network is made, a layer that it does not have or whose
        weight is not (units, in).

    References
    ----------
    O. Press and L. Wolf, "Using the Output Embedding to Improve Language Models", EACL 2017.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layers = [fnn.Embedding(50, 16, name="ids"), fnn.TiedDense(50, "ids", "softmax")]
    >>> list(fnn.Sequential(layers, input_shape=(20,), seed=0).weights)
    ['ids.weight', 'tied_dense_0.bias']
    """

    units: int
    layer: str
    activation: str | None = "identity"

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "units", checks.integer("TiedDense: units", self.units))
        checks.name("TiedDense: the other layer", self.layer)
        activation = "identity" if self.activation is None else self.activation
        object.__setattr__(self, "activation", known_activation(activation))

    def borrowed(self, inputs: list[tuple[int, ...]]) -> dict[str, tuple[str, tuple[int, ...]]]:
        return {"weight": (f"{self.layer}.weight", (self.units, inputs[0][-1]))}

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        return {"bias": Parameter((self.units,), "zeros")}

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return checks.shape(f"{self.title()}: the output", (*features[:-1], self.units))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x, n = lowering.read(x), x.positions
        weight, bias = weights["weight"], weights["bias"]
        trains = x.trains or weight.gradient is not None or bias.gradient is not None
        y = lowering.value(n * self.units, trains, beside=x)
        lowering.emit(kernels.DenseInputGradient, x.buffer, weight.value, y.buffer, positions=n)
        y.producer = lowering.emit(kernels.AddPositions, y.buffer, bias.value, y=y.buffer, positions=n)
        y.producer.narrow = True  # its Op applies no activation
        y.pending = self.activation or "identity"

        def backward() -> None:
            if weight.gradient is not None:
                given = y.gradient, x.buffer, weight.gradient
                lowering.emit(kernels.DenseWeightGradient, *given, add=lowering.adds(weight), positions=n)
            if bias.gradient is not None:
                add = lowering.adds(bias)
                lowering.emit(kernels.PositionsGradient, y.gradient, bias.gradient, add=add, positions=n)
            if x.trains:
                lowering.emit(kernels.Dense, y.gradient, weight.value, None, y=lowering.gradient(x), positions=n)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y
