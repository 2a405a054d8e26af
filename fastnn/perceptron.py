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
    """No weights separate the two classes."""


class Perceptron:
    """y = step(x @ weight + bias): 1 where the sum is >= 0, else 0.

    The attributes weight, float64 (inputs,), and bias, a float, may be read and set.

    Parameters
    ----------
    inputs : int
        The number of inputs.
    seed : int, optional
        Of normal initial weights. None starts from zeros.

    Raises
    ------
    TypeError, ValueError
        For inputs < 1 or an invalid seed.

    References
    ----------
    F. Rosenblatt, "The Perceptron: A Probabilistic Model for Information Storage and Organization in the Brain",
    Psychological Review 65(6), 1958.

    Examples
    --------
    >>> import fastnn as fnn
    >>> unit, x = fnn.Perceptron(2), [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> unit.fit(x, [0, 0, 0, 1])[-1]
    0
    >>> unit.predict(x)
    array([0, 0, 0, 1])
    """

    def __init__(self, inputs: int, seed: int | None = None) -> None:
        self.inputs = checks.integer("Perceptron: inputs", inputs)
        self.weight, self.bias = np.zeros(self.inputs), 0.0
        if seed is not None:
            rng = generator(checks.integer("seed", seed, 0, 2**64 - 1), Purpose.WEIGHTS, 0)
            self.weight, self.bias = rng.standard_normal(self.inputs), float(rng.standard_normal())

    def predict(self, x: Any) -> NDArray[np.int64]:
        """Compute the class of each row, 0 or 1.

        Parameters
        ----------
        x : array (samples, inputs)
            Finite numbers.

        Returns
        -------
        array, int64 (samples,)

        Raises
        ------
        TypeError, ValueError
            For an x of another shape, and for values that are not finite numbers.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.Perceptron(2).predict([[0, 0]])
        array([1])
        """
        return self._step(self._samples(x)).astype(np.int64)

    def fit(self, x: Any, y: Any, epochs: int = 1000, learning_rate: float = 1.0) -> list[int]:
        """Go through the samples in order, epoch by epoch, until an epoch makes no mistake.

        After each sample of class t, weight += learning_rate (t - y) x and bias += learning_rate (t - y). If a
        hyperplane separates the classes, this ends, [1]_, the sooner the farther they are apart. If none does, as for
        XOR, [2]_, it never ends; NotSeparableError is raised as soon as that is proven.

        The proof: the weights have returned to an earlier value, so the samples misclassified in between, each with the
        sign of its class and with an input of 1 for the bias, sum to 0, which is checked exactly. Separating weights
        would put each of them, and so their sum, on the positive side.

        Parameters
        ----------
        x : array (samples, inputs)
            Finite numbers.
        y : array (samples,)
            The classes, 0 and 1.
        epochs : int, default 1000
            The most epochs. A warning says that it is still open whether the classes can be separated.
        learning_rate : float, default 1
            > 0.

        Returns
        -------
        list of int
            The number of mistakes of each epoch.

        Raises
        ------
        NotSeparableError
            Where no hyperplane separates the classes. The weights are the last ones.
        TypeError, ValueError
            For x and y that do not fit; nothing is changed.

        References
        ----------
        .. [1] A. B. J. Novikoff, "On Convergence Proofs on Perceptrons", 1962.
        .. [2] M. Minsky and S. Papert, Perceptrons, 1969.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.Perceptron(1).fit([[0], [1]], [0, 1])
        [2, 1, 0]
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
                    "returned to an earlier value; a network with a hidden layer can separate them"
                )
            if epoch & (epoch + 1) == 0:  # Brent 1980: the state to compare with moves at powers of two
                before, counts = self._state(), np.zeros(len(x), np.int64)
        warnings.warn(
            f"not separated after {epochs} epochs ({history[-1]} mistakes in the last): more may be enough, or no line "
            "(hyperplane) separates these classes",
            stacklevel=2,
        )
        return history

    def _step(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the sum is >= 0, for one sample or for each; a matrix product might sum in another order."""
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
    """Whether the samples with 1 appended, times their signs and counts, sum to 0 in exact arithmetic."""
    from fractions import Fraction

    mistaken = np.flatnonzero(counts)
    factors = [int(sign[i] * counts[i]) for i in mistaken]
    columns = (x[mistaken, j] for j in range(x.shape[1]))
    return sum(factors) == 0 and all(
        sum(factor * Fraction(value) for factor, value in zip(factors, column.tolist(), strict=True)) == 0
        for column in columns
    )
