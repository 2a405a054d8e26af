"""All features of a sample as one axis."""

import math

from fastnn.layers.base import Layer
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


class Flatten(Layer):
    """Reshape (batch, a, b, ...) to (batch, a * b * ...), in C order. It costs nothing: the memory is the same.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Flatten()(fnn.Input((28, 28, 1))).shape
    (784,)
    """

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return (math.prod(features),)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        return lowering.regrouped(x, self.output(x.shape))
