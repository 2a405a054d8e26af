"""Maxout."""

from dataclasses import dataclass

from fastnn import initializers, kernels
from fastnn.common import checks
from fastnn.initializers import Initializer
from fastnn.layers.base import Layer, Parameter, expected
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Maxout(Layer):
    """y = max over p of (x @ weight_p + bias_p): each unit learns a convex function of that many linear pieces.

    x is (batch, in), y (batch, units), weight (in, pieces * units) and bias (pieces * units,); piece p of unit u is
    column p * units + u. The bias starts at zero.

    Parameters
    ----------
    units : int
        Outputs.
    pieces : int
        Linear pieces of each unit.
    initializer : str or function, default "glorot_uniform"
        Of the weight: one of `fastnn.initializers`, or its name.

    Raises
    ------
    TypeError, ValueError
        For units or pieces < 1, and an unknown initializer; when built, for an input of another rank.

    References
    ----------
    I. J. Goodfellow, D. Warde-Farley, M. Mirza, A. Courville and Y. Bengio, "Maxout Networks", ICML 2013, eq. 2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Maxout(3, 2)], input_shape=(4,), seed=0)
    >>> net.weights["maxout_0.weight"].shape, net.output_shape
    ((4, 6), (3,))
    """

    units: int
    pieces: int
    initializer: str | Initializer = "glorot_uniform"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "units", checks.integer("Maxout: units", self.units))
        object.__setattr__(self, "pieces", checks.integer("Maxout: pieces", self.pieces))
        object.__setattr__(self, "initializer", initializers.named(self.initializer))

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        columns = self.pieces * self.units
        weight = Parameter((features[0], columns), self.initializer, features[0], self.units)
        return {"weight": weight, "bias": Parameter((columns,), "zeros")}

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        if len(features) != 1:
            raise expected(self, "(batch, features)", features, "add Flatten()")
        return (self.units,)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x = lowering.read(x)
        weight, bias = weights["weight"], weights["bias"]
        trains = x.trains or weight.gradient is not None
        z, y = lowering.value(self.pieces * self.units, trains), lowering.value(self.units, trains)
        lowering.emit(kernels.Dense, x.buffer, lowering.packed(weight.value), bias.value, z.buffer)
        lowering.emit(kernels.Maxout, z.buffer, y.buffer)

        def backward() -> None:
            if trains:
                lowering.emit(kernels.MaxoutGradient, z.buffer, y.buffer, y.gradient, lowering.gradient(z))
            if weight.gradient is not None:
                gradients = weight.gradient, bias.gradient
                lowering.emit(kernels.DenseWeightGradient, x.buffer, z.gradient, *gradients, add=lowering.adds(weight))
            if x.trains:
                slope = x.slope if x.activation != "identity" else ()
                lowering.emit(kernels.DenseInputGradient, z.gradient, weight.value, lowering.gradient(x), *slope)

        lowering.backward(backward)
        return y
