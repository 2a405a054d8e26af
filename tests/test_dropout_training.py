"""Dropout in a network: its statistics, and that it follows from the seed."""

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, training_state


def mask(net: fnn.Sequential, rows: int = 200, units: int = 300) -> np.ndarray:
    """The factors of one training step, read from the gradient of a network that sums them: mse of a zero target."""
    net.train_on_batch(np.ones((rows, units), np.float32), np.zeros((rows, 1)))
    return net.gradients["dense_0.weight"][:, 0].copy()


def columns(rate: float, seed: int = 0) -> fnn.Sequential:
    """Dropout before one output, weights 0 and bias 1: a weight's gradient is 2 / rows * the sum of its factors."""
    net = fnn.Sequential([fnn.Dropout(rate), fnn.Dense(1)], input_shape=(300,), seed=seed).compile(fnn.SGD(0.0), "mse")
    net.weights["dense_0.weight"] = np.zeros((300, 1))
    net.weights["dense_0.bias"] = [1.0]
    return net


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_statistics(rate: float) -> None:
    """The mean is kept: of 60000 factors within five standard errors; each column and each step has new ones."""
    net = columns(rate)
    first, second = mask(net), mask(net)
    deviation = np.sqrt(rate / (1 - rate))  # of one factor
    for gradient in (first, second):
        assert abs(gradient.mean() / 2 - 1) < 5 * deviation / np.sqrt(60000)
        assert gradient.std() / 2 == pytest.approx(deviation / np.sqrt(200), rel=0.3)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.3
    single = mask(net, rows=1) / 2
    assert set(np.round(single, 4)) == {0.0, np.float32(np.round(1 / (1 - rate), 4))}


def test_follows_the_seed() -> None:
    """The same seed gives the same masks; another seed and another layer give others; rate 0 none."""
    np.testing.assert_array_equal(mask(columns(0.5)), mask(columns(0.5)))
    assert (mask(columns(0.5)) != mask(columns(0.5, seed=1))).any()
    np.testing.assert_allclose(mask(columns(0.0)), 2, rtol=1e-5)
    layers = [fnn.Dropout(0.5), fnn.Dropout(0.5), fnn.Dense(1)]
    net = fnn.Sequential(layers, input_shape=(300,), seed=0).compile(fnn.SGD(0.0), "mse")
    net.weights["dense_0.weight"] = np.zeros((300, 1))
    net.weights["dense_0.bias"] = [1.0]
    kept = np.count_nonzero(mask(net, rows=1))
    assert 40 < kept < 110, "two layers of 0.5 keep a quarter of 300"


def test_prediction_has_none() -> None:
    """predict and evaluate are those of the network without dropout; training continues the same after a prediction."""
    x, y = blobs()
    layers = [fnn.Dense(16, activation="relu"), fnn.Dropout(0.5), fnn.Dense(3, activation="softmax")]
    net, other = (fnn.Sequential(layers, input_shape=(4,), seed=0).compile() for _ in range(2))
    plain = fnn.Sequential([layers[0], layers[2]], input_shape=(4,), seed=0).compile()
    np.testing.assert_array_equal(net.predict(x), plain.predict(x))
    assert net.evaluate(x, y) == plain.evaluate(x, y)
    for _ in range(3):
        net.fit(x, y, 16, verbose=0)
        net.predict(x)
        other.fit(x, y, 16, verbose=0)
    assert training_state(net) == training_state(other)
    plain.fit(x, y, 16, verbose=0)
    assert (plain.parameters != net.parameters).any()
