"""Logits of which only the legal ones count."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.layers import broadcast
from fastnn.layers.merge import Merge, Shapes
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Mask(Merge):
    """Called on [x, legal], y = x where legal is not 0, and the lowest float32 elsewhere.

    A softmax over the last axis of y is 0 exactly where legal is 0. x and y are (batch, ..., n), legal too, or with
    length 1 along some axes. The gradient with respect to x is 0 where legal is 0; that to legal is 0 everywhere.

    Raises
    ------
    ValueError
        When called, for any number of inputs but two, and for shapes that do not fit; when run, where nothing is legal
        along the last axis of a sample.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> logits, legal = fnn.Input((3,)), fnn.Input((3,))
    >>> net = fnn.Network([logits, legal], fnn.Activation("softmax")(fnn.Mask()([logits, legal])))
    >>> net.predict([np.zeros((1, 3)), np.array([[1, 0, 1]])])
    array([[0.5, 0. , 0.5]], dtype=float32)
    """

    def output(self, features: Shapes) -> tuple[int, ...]:
        if len(features) != 2:
            raise ValueError(f"{self.title()}: takes two inputs, got {len(features)}")
        if broadcast.common(features) != features[0]:
            raise self.refuse(features)
        return features[0]

    def lower(self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        n = x[0].positions
        logits, legal = broadcast.aligned(lowering, x, x[0].shape)
        y = lowering.value(logits.columns, any(value.trains for value in x))
        lowering.emit(kernels.Mask, logits.buffer, legal.buffer, y.buffer, positions=n)

        def backward() -> None:
            if legal.trains:
                lowering.emit(kernels.Scale, legal.buffer, lowering.gradient(legal), factor=0.0)
                lowering.apply_derivative(legal)
            if logits.trains:
                lowering.emit(kernels.MaskGradient, y.gradient, legal.buffer, lowering.gradient(logits))
                lowering.apply_derivative(logits)

        lowering.backward(backward)
        return y
