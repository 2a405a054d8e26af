"""Learned vectors for ids."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import initializers, kernels
from fastnn.common import checks
from fastnn.initializers import Initializer
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Embedding(Layer):
    """y = weight[x]: a learned vector for each id.

    x is (batch, time), integers from 0 to vocabulary - 1; weight is (vocabulary, units), y (batch, time, units). The
    layer comes first in a network: its input is one of the network's, which no other layer reads.

    Parameters
    ----------
    vocabulary : int
        Number of ids.
    units : int
        Length of a vector.
    padding : int, optional
        An id whose vector is zeros and is not trained; its row of the weight is unused.
    initializer : str or function, optional
        One of `fastnn.initializers`, with fan_in = 1, or its name. None draws uniformly from -0.05 to 0.05, as Keras
        does.

    Raises
    ------
    TypeError, ValueError
        For a vocabulary or units < 1, a padding that is not an id, and an unknown initializer; where x is gathered, for
        an id outside the vocabulary.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Embedding(1000, 16)], input_shape=(5,), seed=0)
    >>> net.predict(np.array([[3, 1, 4, 1, 5]])).shape
    (1, 5, 16)
    """

    vocabulary: int
    units: int
    padding: int | None = None
    initializer: str | Initializer | None = None

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("vocabulary", "units"):
            object.__setattr__(self, name, checks.integer(f"Embedding: {name}", getattr(self, name)))
        if self.padding is not None:
            padding = checks.integer("Embedding: padding", self.padding, 0, self.vocabulary - 1)
            object.__setattr__(self, "padding", padding)
        if self.initializer is not None:
            object.__setattr__(self, "initializer", initializers.named(self.initializer))

    def vocabulary_of(self, source: int) -> int | None:
        return self.vocabulary

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        initializer = initializers.Uniform(-0.05, 0.05) if self.initializer is None else self.initializer
        return {"weight": Parameter((self.vocabulary, self.units), initializer, 1, self.units)}

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return checks.shape(f"{self.title()}: the output", (*features, self.units))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if x.buffer.dtype != "int32":
            raise ValueError(
                f"{self.title()}: its input is ids, so it must be an input of the network that no other layer reads"
            )
        weight, n = weights["weight"], x.columns
        y = lowering.value(n * self.units, weight.gradient is not None, beside=x)
        options = {"padding": self.padding, "positions": n}
        lowering.emit(kernels.Embedding, x.buffer, weight.value, y.buffer, **options)

        def backward() -> None:
            if weight.gradient is not None:
                given = x.buffer, y.gradient, weight.gradient
                lowering.emit(kernels.EmbeddingGradient, *given, add=lowering.adds(weight), **options)

        lowering.backward(backward)
        return y
