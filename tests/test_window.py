"""Data that are not (batch, height, width, channels): what errors advise."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn

ONE = r"add an axis for the one channel: x\[..., None\]"
TURN = r"channels come last: x.transpose\(0, 2, 3, 1\)"
#: What a network takes, what it gets, and the advice.
DATA = [
    ((28, 28, 1), (64, 28, 28), ONE),
    ((28, 28, 1), (28, 28), r"add an axis for the one channel: x\[None, ..., None\]"),
    ((28, 28, 1), (64, 1, 28, 28), TURN),
    ((20, 30, 3), (64, 3, 20, 30), TURN),
    ((20, 30, 3), (3, 20, 30), r"channels come last: x.transpose\(1, 2, 0\)\[None\]"),
    ((20, 30, 3), (20, 30, 3), r"add a first dimension for the batch: x\[None\]"),
    ((20, 30, 3), (64, 30, 20, 3), r"got \(64, 30, 20, 3\)$"),
    ((20, 30, 3), (64, 20, 30), r"got \(64, 20, 30\)$"),
    ((9, 1), (64, 9), ONE),
]


@pytest.mark.parametrize(("features", "shape", "advice"), DATA)
def test_data_for_a_network_that_is_built(features: tuple[int, ...], shape: tuple[int, ...], advice: str) -> None:
    """Whatever takes them says how to make them what it wants; nothing is changed."""
    convolution = fnn.Conv2D if len(features) == 3 else fnn.Conv1D
    layers = [convolution(2, 3, padding="same"), fnn.Flatten(), fnn.Dense(3, "softmax")]
    net = fnn.Sequential(layers, input_shape=features, seed=0).compile()
    before, x, y = net.parameters.copy(), np.zeros(shape, np.uint8), np.zeros(shape[0], int)
    calls: list[Any] = [net.predict, net.classify, lambda x: net.fit(x, y, verbose=0), lambda x: net.evaluate(x, y)]
    for call in calls:
        with pytest.raises(ValueError, match=rf"expected input \(batch, .*{advice}"):
            call(x)
    if shape != features:  # of which a Predictor takes one too
        with pytest.raises(ValueError, match=rf"x: expected .*{advice}"):
            net.freeze(64)(x.astype(np.float32))
    assert (net.parameters == before).all()
