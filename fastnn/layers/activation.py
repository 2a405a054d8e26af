"""An activation as a layer of its own."""

from dataclasses import dataclass

from fastnn import checks, kernels
from fastnn.layers.base import Layer
from fastnn.lowering import Lowering, Value, Weight

#: What layers accept as an activation: softmax besides the elementwise ones.
LAYER_ACTIVATIONS = (*kernels.ACTIVATIONS, "softmax")


@dataclass(frozen=True, eq=False, repr=False)
class Activation(Layer):
    """y = activation(x), elementwise, or softmax over all features of a sample; x, y (batch, ...).

    Raises ValueError for an unknown activation.
    """

    activation: str

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.known("activation", self.activation, LAYER_ACTIVATIONS)

    def lower(self, plan: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if self.activation == "identity":
            return x
        x = plan.read(x)
        if self.activation == "softmax":
            y = Value(x.buffer, x.trains, pending="softmax")
        elif x.open:
            y = Value(x.buffer, x.trains, pending=self.activation, producer=x.producer)
        else:
            y = plan.value(x.columns, x.trains)
            y.producer = plan.emit(kernels.Activation, x.buffer, y.buffer, activation="identity")
            y.pending = self.activation

        def backward() -> None:
            if x.trains:
                x.gradient = y.gradient
                plan.apply_derivative(x)

        plan.backward(backward)
        return y
