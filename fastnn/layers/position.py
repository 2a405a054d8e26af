"""Positions of steps."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import initializers, kernels
from fastnn.common import checks
from fastnn.initializers import Initializer
from fastnn.layers.base import Layer, Parameter, expected
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class PositionEmbedding(Layer):
    """y_t = x_t + weight_t: numbers that are learnt for each position, without which attention knows no order.

    x and y are (batch, time, features), weight (positions, features).

    Parameters
    ----------
    positions : int, optional
        The most steps of a sequence; None: those that the input has. Inputs of any number of steps need it.
    initializer : str or function, optional
        Of the weight: one of `fastnn.initializers`, or its name. None draws uniformly from [-0.05, 0.05].

    Raises
    ------
    TypeError, ValueError
        For positions < 1, an unknown initializer, and inputs that are not (batch, time, features) or longer.

    References
    ----------
    J. Gehring, M. Auli, D. Grangier, D. Yarats and Y. N. Dauphin, "Convolutional Sequence to Sequence Learning", ICML
    2017, section 3.1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Embedding(50, 16), fnn.PositionEmbedding()], input_shape=(20,), seed=0)
    >>> net.weights["position_embedding_0.weight"].shape
    (20, 16)
    """

    positions: int | None = None
    initializer: str | Initializer | None = None

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.positions is not None:
            object.__setattr__(self, "positions", checks.integer("PositionEmbedding: positions", self.positions))
        if self.initializer is not None:
            object.__setattr__(self, "initializer", initializers.named(self.initializer))

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        if len(features) != 2:
            raise expected(self, "(batch, time, features)", features)
        if self.positions is not None and features[0] > self.positions:
            raise expected(self, f"(batch, time <= {self.positions}, features)", features)
        return features

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        initializer = initializers.Uniform(-0.05, 0.05) if self.initializer is None else self.initializer
        return {"weight": Parameter((self.positions or features[0], features[-1]), initializer, 1, features[-1])}

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x, weight = lowering.read(x), weights["weight"]
        y = lowering.value(x.columns, trains=x.trains or weight.gradient is not None, beside=x)
        steps = x.buffer.steps
        if lowering.stepping and steps is not None:
            present = lowering.present(weight.value.rows)
            lowering.emit(kernels.AddPosition, x.buffer, weight.value, present, y.buffer)
            return y
        lowering.emit(kernels.AddPositions, x.buffer, weight.value, y.buffer, steps)

        def backward() -> None:
            if weight.gradient is not None:
                add = lowering.adds(weight)
                lowering.emit(kernels.PositionsGradient, y.gradient, weight.gradient, steps, add=add)
            lowering.pass_gradient(y, x)

        lowering.backward(backward)
        return y
