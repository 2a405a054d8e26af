"""BatchNorm where float32 has no room for a batch's statistics: the step is refused before it changes anything."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import normal
from networks import blobs, training_state


def calls(net: fnn.Network, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """All that trains, or sees a batch as training does."""
    return {
        "fit": lambda: net.fit(x, y, len(x), verbose=0),
        "train_on_batch": lambda: net.train_on_batch(x, y),
        "forward": lambda: net.forward(x, training=True),
        "gradient": lambda: net.gradient(x, y),
    }


OVERFLOW = "batch_norm_0: the statistics of a batch overflow: channel 2 has the mean .* and the variance inf as float32"


@pytest.mark.parametrize("rows", [2, 90, 3000])
@pytest.mark.parametrize("lowest", [False, True])
def test_statistics_that_overflow_are_refused(rows: int, lowest: bool) -> None:
    """A single value whose square is too much for float32: nothing is changed, and good data train on."""
    x, y = blobs(rows)
    bad = x.copy()
    bad[rows // 2, 2] = -3.4e38 if lowest else 4e19 * np.sqrt(rows)
    for momentum in (0.0, 0.9, 1.0):
        net = fnn.Sequential([fnn.BatchNorm(momentum), fnn.Dense(3)], input_shape=(4,), seed=0).compile("adam")
        net.fit(x, y, verbose=0)
        before = training_state(net)
        for name, call in calls(net, bad, y).items():
            with pytest.raises(FloatingPointError, match=OVERFLOW):
                call()
            assert training_state(net) == before, name
        for name, call in calls(net, x, y).items():
            call()
            assert all(np.isfinite(view).all() for view in net.weights.values()), name


def test_activations_that_overflow_are_refused() -> None:
    """Of about 3e19, in a channel of a map: finite, and so is their mean, but not their square."""
    layers = [fnn.Conv2D(4, 1, bias=False), fnn.BatchNorm(), fnn.Flatten(), fnn.Dense(3)]
    net = fnn.Sequential(layers, input_shape=(3, 3, 1), seed=0).compile("adam", "cross_entropy")
    x, y = normal(20, 3, 3, 1), np.arange(20) % 3
    net.fit(x, y, verbose=0)
    before = training_state(net)
    net.weights["conv2d_0.weight"][..., 2] = 3e19
    broken = training_state(net)
    for name, call in calls(net, x, y).items():
        with pytest.raises(FloatingPointError, match=OVERFLOW):
            call()
        assert training_state(net) == broken != before, name


def test_large_values_that_do_not_overflow_pass() -> None:
    """Up to the greatest float32 in prediction, and where it is frozen; in training up to squares that fit."""
    x, y = blobs()
    x[3, 2] = -3.4e38
    net = fnn.Sequential([fnn.BatchNorm(), fnn.Dense(3)], input_shape=(4,), seed=0).compile("sgd")
    before = net.predict(x)
    assert np.isfinite(np.delete(before, 3, axis=0)).all()
    assert net.freeze(len(x))(x[:3]).shape == (3, 3)
    x[3, 2] = 1e20
    net.fit(x, y, len(x), verbose=0)
    assert np.isfinite(net.weights["batch_norm_0.variance"]).all() and net.weights["batch_norm_0.variance"][2] > 1e37
    dict(net.named_layers())["batch_norm_0"].trainable = False
    net.compile("sgd")
    x[3, 2] = 3e38
    assert np.isfinite(net.train_on_batch(x, y))
