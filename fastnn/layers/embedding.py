"""Vectors for numbers."""

from __future__ import annotations  # np.random is loaded where it is used

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnn import initializers, kernels
from fastnn.common import checks
from fastnn.initializers import Initializer
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


def small(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform on +-0.05, as Keras begins."""
    return rng.uniform(-0.05, 0.05, shape)


@dataclass(eq=False, repr=False)
class Embedding(Layer):
    """y = weight[x]: a vector for each id, which is learnt. x (batch, time), integers; y (batch, time, units).

    weight (vocabulary, units). padding: an id whose vector is zeros and does not learn, its row of the weight unused.
    initializer: a name in `fastnn.initializers`, with fan_in = 1; None draws uniformly from +-0.05. It comes first in a
    network: it takes an input, and nobody else takes that. Raises ValueError for a vocabulary or units < 1, a padding
    that is no id, an unknown initializer, and, where it gathers x, for an id that is not from 0 to vocabulary - 1.
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
        initializer = small if self.initializer is None else self.initializer
        return {"weight": Parameter((self.vocabulary, self.units), initializer, 1, self.units)}

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return checks.shape(f"{self.title()}: the output", (*features, self.units))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if x.buffer.dtype != "int32":
            raise ValueError(f"{self.title()}: takes ids, and so an input of the network that no other layer takes")
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
