"""Dropout."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Dropout(Layer):
    """In training each element is zeroed with probability rate and the others are divided by 1 - rate.

    In prediction it does nothing. x, y (batch, ...). The mask follows from the network's seed, the layer's place and
    the step. Raises ValueError unless 0 <= rate < 1. Srivastava et al. 2014.
    """

    rate: float

    trains_only: ClassVar[bool] = True
    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rate", checks.real("Dropout: rate", self.rate, least=0, below=1))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if not lowering.training or self.rate == 0:
            return x
        x = lowering.read(x)
        y = lowering.value(x.columns, x.trains, beside=x)
        y.origin = x.ending
        options = {"rate": self.rate, "seed": lowering.seed, "stream": index}
        lowering.emit(kernels.Dropout, x.buffer, y.buffer, **options)

        def backward() -> None:
            if x.trains:
                lowering.emit(kernels.Dropout, y.gradient, lowering.gradient(x), **options)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y
