"""All features of a sample in one row."""

import math

from fastnn.layers.base import Layer
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


class Flatten(Layer):
    """(batch, a, b, ...) -> (batch, a * b * ...), in C order. It costs nothing: the memory is the same."""

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return (math.prod(features),)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        return lowering.regrouped(x, self.output(x.shape))
