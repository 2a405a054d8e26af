"""An activation as a layer of its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer
from fastnn.lowering.backward import ROW_WISE
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value

#: What layers accept as an activation: the elementwise ones, and those over the last axis.
LAYER_ACTIVATIONS = (*kernels.ACTIVATIONS, *ROW_WISE)


def known_activation(name: str, known: Iterable[str] = LAYER_ACTIVATIONS) -> str:
    """The name of an activation, as a plain string. Raises ValueError that lists the known ones."""
    if name == "swish":
        name = "silu"
    if name == "prelu":
        raise ValueError("prelu has slopes to learn: add the layer PReLU() instead of naming an activation")
    return str(checks.known("activation", name, known))


@dataclass(eq=False, repr=False)
class Activation(Layer):
    """y = activation(x), elementwise, or for softmax and log_softmax over the last axis; x and y are (batch, ...).

    Parameters
    ----------
    activation : str or function
        One of `fastnn.activations`, where the formulas and sources are, or its name.

    Raises
    ------
    ValueError
        For an unknown activation.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.Activation("relu")]).predict(np.array([[-1.0, 2.0]]))
    array([[0., 2.]], dtype=float32)
    """

    activation: str

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "activation", known_activation(self.activation))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if self.activation == "identity":
            return x
        x = lowering.read(x)
        if self.activation in ROW_WISE:
            y = Value(x.buffer, x.trains, pending=self.activation)
        elif x.open:
            y = Value(x.buffer, x.trains, pending=self.activation, producer=x.producer)
        else:
            y = lowering.value(x.columns, x.trains, beside=x)
            y.producer = lowering.emit(kernels.Activation, x.buffer, y.buffer, activation="identity")
            y.pending, y.before = self.activation, x.buffer

        def backward() -> None:
            lowering.pass_gradient(y, x)

        lowering.backward(backward)
        return y
