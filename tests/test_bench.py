"""The NumPy rival does the same work as fastnn: the same losses and parameters from the same start."""

import numpy as np
import pytest

import fastnn as fnn
from fastnn.bench import NumpyNetwork


@pytest.mark.parametrize(("activation", "optimizer"), [("relu", "adam"), ("tanh", "sgd")])
def test_numpy_rival_is_the_same_network(activation: str, optimizer: str) -> None:
    rng = np.random.default_rng(0)
    rival = NumpyNetwork([6, 16, 12, 3], activation, optimizer, rate=0.01, batch=20, seed=0)
    layers = [fnn.Dense(16, activation), fnn.Dense(12, activation), fnn.Dense(3, "softmax")]
    settings = fnn.Adam(0.01) if optimizer == "adam" else fnn.SGD(0.01)
    net = fnn.Sequential(layers, input_shape=(6,), seed=0).compile(settings, "cross_entropy")
    for i, (weight, bias) in enumerate(rival.weights):
        net.weights[f"dense_{i}.weight"] = weight
        net.weights[f"dense_{i}.bias"] = bias
    for _ in range(30):
        x, y = rng.standard_normal((20, 6), np.float32), rng.integers(0, 3, 20)
        assert net.train_on_batch(x, y) == pytest.approx(rival.step(x, y), rel=1e-5)
    for i, (weight, _) in enumerate(rival.weights):
        np.testing.assert_allclose(net.weights[f"dense_{i}.weight"], weight, rtol=2e-4, atol=2e-5)
