"""The perceptron: one threshold unit, trained by Rosenblatt's rule."""

from __future__ import annotations  # np.random and fractions are loaded where they are used

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.data import arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NotSeparableError(ValueError):
    """No weights whatever separate the two classes."""


class Perceptron:
    """y = step(x @ weight + bias): 1 where the sum is >= 0, else 0.

    x (samples, inputs), weight (inputs,), y (samples,). weight and bias are float64 and yours to read and to set.
    seed: None starts from zero weights, a number from normal ones that follow from it. Raises TypeError and ValueError
    for inputs < 1 or another seed.
    Rosenblatt 1958, The perceptron, Psychological Review 65.
    """

    def __init__(self, inputs: int, seed: int | None = None) -> None:
        self.inputs = checks.integer("Perceptron: inputs", inputs)
        self.weight, self.bias = np.zeros(self.inputs), 0.0
        if seed is not None:
            rng = generator(checks.integer("seed", seed, 0, 2**64 - 1), Purpose.WEIGHTS, 0)
            self.weight, self.bias = rng.standard_normal(self.inputs), float(rng.standard_normal())

    def predict(self, x: Any) -> NDArray[np.int64]:
        """The class of each row of x (samples, inputs), 0 or 1. Raises TypeError and ValueError for another x."""
        return self._step(self._samples(x)).astype(np.int64)

    def fit(self, x: Any, y: Any, epochs: int = 1000, learning_rate: float = 1.0) -> list[int]:
        """Goes through the samples in their order until an epoch has no mistake; returns each epoch's mistakes.

        After each sample weight += learning_rate (t - y) x and bias += learning_rate (t - y), for its class t, 0 or 1.
        If the classes can be separated by a hyperplane this ends (Novikoff 1962); how soon depends on their distance
        from it. If they cannot, as in XOR (Minsky & Papert 1969), no number of epochs is enough: NotSeparableError says
        so as soon as it is proven; a warning, where `epochs` are over before, that it is open. The weights are then the
        last ones. The proof: the weights came back to what they were, so the samples that were mistaken in between,
        with the sign of their class and an input of 1 for the bias, add up to 0 (which is checked exactly). For any
        separating weights each of them would have to be on the positive side, and then so is their sum.
        Raises TypeError and ValueError for x and y that do not fit; then nothing is changed.
        """
        x, y = self._samples(x), np.asarray(arrays.numbers("y", y, labels=True))
        if y.shape != (len(x),):
            raise ValueError(f"y: expected a class for each of {len(x)} samples, ({len(x)},), got shape {y.shape}")
        if not np.isin(y, (0, 1)).all():
            raise ValueError("y: expected classes 0 and 1")
        epochs = checks.integer("epochs", epochs)
        rate = checks.real("learning_rate", learning_rate, least=checks.SMALLEST)
        t = y.astype(np.int64)
        before, counts, history = self._state(), np.zeros(len(x), np.int64), []
        for epoch in range(epochs):
            mistakes = 0
            for i, sample in enumerate(x):
                error = int(t[i]) - int(self._step(sample))
                if error:
                    self.weight = self.weight + rate * error * sample
                    self.bias += rate * error
                    counts[i] += 1
                    mistakes += 1
            history.append(mistakes)
            if not mistakes:
                return history
            if (self._state() == before).all() and _add_up_to_zero(x, 2 * t - 1, counts):
                raise NotSeparableError(
                    f"no line (hyperplane) separates these classes: found after {epoch + 1} epochs, when the weights "
                    "were again what they had been; a network with a hidden layer can tell them apart"
                )
            if epoch & (epoch + 1) == 0:  # Brent 1980: what is compared with moves on at powers of two
                before, counts = self._state(), np.zeros(len(x), np.int64)
        warnings.warn(
            f"not separated after {epochs} epochs ({history[-1]} mistakes in the last): more may do, or no line "
            "(hyperplane) separates these classes",
            stacklevel=2,
        )
        return history

    def _step(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the sum is >= 0, of one sample or of each; a product of matrices may add up in another order."""
        return np.asarray((x * self.weight).sum(axis=-1) + self.bias >= 0)

    def _state(self) -> NDArray[np.float64]:
        return np.append(self.weight, self.bias)

    def _samples(self, x: Any) -> NDArray[np.float64]:
        array = arrays.numbers("x", x)
        if array.ndim != 2 or array.shape[1] != self.inputs or not len(array):
            raise ValueError(f"Perceptron({self.inputs}): expected x (samples, {self.inputs}), got {array.shape}")
        if not (np.abs(array) <= checks.LARGEST).all():
            raise ValueError("x: expected finite numbers")
        return array.astype(np.float64)

    def __repr__(self) -> str:
        return f"Perceptron({self.inputs})"


def _add_up_to_zero(x: NDArray[np.float64], sign: NDArray[np.int64], counts: NDArray[np.int64]) -> bool:
    """Whether the samples, with 1 behind each, add up to 0, each so often and with its sign: in exact arithmetic."""
    from fractions import Fraction

    mistaken = np.flatnonzero(counts)
    factors = [int(sign[i] * counts[i]) for i in mistaken]
    columns = (x[mistaken, j] for j in range(x.shape[1]))
    return sum(factors) == 0 and all(
        sum(factor * Fraction(value) for factor, value in zip(factors, column.tolist(), strict=True)) == 0
        for column in columns
    )
