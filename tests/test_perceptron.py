"""The perceptron: what Rosenblatt's rule learns, where it stops, and what cannot be learned."""

import warnings
from itertools import product
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import generator
from fastnn.perceptron import NotSeparableError

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0], "NOT the first": [1, 1, 0, 0]}


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
@pytest.mark.parametrize("gate", GATES)
def test_gates(gate: str, seed: int | None) -> None:
    """Learned exactly; the last epoch, and only it, is without a mistake."""
    unit = fnn.Perceptron(2, seed=seed)
    mistakes = unit.fit(CORNERS, GATES[gate])
    np.testing.assert_array_equal(unit.predict(CORNERS), GATES[gate])
    assert mistakes[-1] == 0 and all(mistakes[:-1]) and len(mistakes) < 50
    assert unit.fit(CORNERS, GATES[gate]) == [0]


def test_rosenblatts_rule() -> None:
    """One epoch of AND, computed manually from zero weights: w += rate (t - y) (x, 1)."""
    unit = fnn.Perceptron(2)
    with pytest.warns(UserWarning, match=r"not separated after 1 epochs \(2 mistakes in the last\)"):
        assert unit.fit(CORNERS, GATES["AND"], epochs=1, learning_rate=0.5) == [2]
    # (0, 0): 0 >= 0, y = 1, mistaken: bias -0.5; (0, 1), (1, 0): right; (1, 1): y = 0, mistaken: bias 0, weight 0.5.
    assert unit.weight.tolist() == [0.5, 0.5] and unit.bias == 0


@pytest.mark.parametrize("inputs", [2, 3])
def test_every_boolean_function(inputs: int) -> None:
    """Of the 16 of two inputs 14 are separable, of the 256 of three 104; all others are proven not to be."""
    corners = np.array(list(product([0, 1], repeat=inputs)))
    separable = 0
    for y in product([0, 1], repeat=len(corners)):
        unit = fnn.Perceptron(inputs)
        try:
            unit.fit(corners, y, epochs=10_000)
            separable += 1
            assert tuple(unit.predict(corners)) == y
        except NotSeparableError:
            pass
    assert separable == {2: 14, 3: 104}[inputs]


@pytest.mark.parametrize("seed", [None, 0, 1])
@pytest.mark.parametrize("learning_rate", [1.0, 0.1, 1e-20])
def test_xor(seed: int | None, learning_rate: float) -> None:
    unit = fnn.Perceptron(2, seed=seed)
    if learning_rate < 1e-10 and seed is not None:  # rounding keeps the weights as they are, which proves nothing
        with pytest.warns(UserWarning, match="not separated after 50 epochs"):
            unit.fit(CORNERS, [0, 1, 1, 0], 50, learning_rate)
        return
    with pytest.raises(NotSeparableError, match=r"no line \(hyperplane\) separates .* hidden layer"):
        unit.fit(CORNERS, [0, 1, 1, 0], learning_rate=learning_rate)
    assert np.isfinite(unit.weight).all()


def test_standing_still_is_no_proof() -> None:
    """Separable, but the weights are so large that rounding swallows each step: they recur, and nothing is claimed."""
    unit = fnn.Perceptron(2)
    unit.weight, unit.bias = np.array([-1e20, -1e20]), 5e19
    with pytest.warns(UserWarning, match="not separated"):
        unit.fit(CORNERS, GATES["OR"], epochs=50)


def test_real_data() -> None:
    """Gaussian clouds far apart are separated; overlapping ones are not, and a warning says that it is open."""
    random = generator(3)
    y = random.integers(0, 2, 200)
    noise = random.standard_normal((200, 5))
    far = fnn.Perceptron(5)
    far.fit(noise + 8 * y[:, None], y)
    np.testing.assert_array_equal(far.predict(noise + 8 * y[:, None]), y)
    near = fnn.Perceptron(5)
    with pytest.warns(UserWarning, match="not separated after 5 epochs"):
        assert len(near.fit(noise + 0.5 * y[:, None], y, epochs=5)) == 5


def test_one_sample_of_both_classes() -> None:
    with pytest.raises(NotSeparableError):
        fnn.Perceptron(1).fit([[2.5], [2.5]], [0, 1])


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (CORNERS[:, :1], [0, 1, 1, 0], ValueError, r"Perceptron\(2\): expected x \(samples, 2\), got \(4, 1\)"),
        (CORNERS[0], [0], ValueError, r"got \(2,\)"),
        (CORNERS[:0], [], ValueError, r"got \(0, 2\)"),
        (CORNERS * np.nan, [0, 1, 1, 0], ValueError, "x: expected finite"),
        ([["a", "b"]], [0], TypeError, "x: expected an array of real numbers"),
        (CORNERS, [0, 1, 1], ValueError, r"y: expected a class for each of 4 samples, \(4,\), got shape \(3,\)"),
        (CORNERS, [-1, 1, 1, 1], ValueError, "y: expected classes 0 and 1"),
        (CORNERS, [0, 0.5, 1, 1], ValueError, "y: expected classes 0 and 1"),
        (CORNERS, ["0", "1", "1", "1"], TypeError, "y: expected an array of real numbers"),
    ],
)
def test_bad_data(x: Any, y: Any, error: type[Exception], message: str) -> None:
    unit = fnn.Perceptron(2, seed=1)
    weight, bias = unit.weight.copy(), unit.bias
    with pytest.raises(error, match=message):
        unit.fit(x, y)
    assert (unit.weight == weight).all() and unit.bias == bias


def test_bad_settings() -> None:
    for inputs in (0, -1, 1.5, True):
        with pytest.raises((TypeError, ValueError), match="inputs"):
            fnn.Perceptron(inputs)
    unit = fnn.Perceptron(2)
    for settings in ({"epochs": 0}, {"learning_rate": 0}, {"learning_rate": np.nan}, {"learning_rate": "1"}):
        with pytest.raises((TypeError, ValueError), match=next(iter(settings))):
            unit.fit(CORNERS, GATES["AND"], **settings)
    with warnings.catch_warnings(action="error"):
        unit.fit(CORNERS.astype(np.float32), np.array(GATES["AND"], bool))
