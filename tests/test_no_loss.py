"""compile(optimizer, loss=None): for loops of forward, backward and step."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import normal

X, T = normal(8, 4), normal(8, 2, start=1)


def network(loss: Any = None, outputs: int = 1) -> fnn.Network:
    x = fnn.Input((4,))
    hidden = fnn.Dense(3, "tanh")(x)
    return fnn.Network(x, [fnn.Dense(2)(hidden) for _ in range(outputs)], seed=0).compile("adam", loss)


def loop(net: fnn.Network, steps: int = 3) -> fnn.Network:
    for _ in range(steps):
        _, dy = fnn.losses.mse(net.forward(X, training=True), T)
        net.backward(dy)
        net.step()
        net.zero_grad()
    return net


def test_a_loop() -> None:
    assert np.array_equal(loop(network()).parameters, loop(network("mse")).parameters)
    assert loop(network()).loss is None


@pytest.mark.parametrize("outputs", [1, 2])
def test_what_needs_a_loss_says_so(outputs: int) -> None:
    net = network(outputs=outputs)
    before = net.parameters.copy()
    for call in (net.fit, net.evaluate, net.train_on_batch, net.gradient, net.find_learning_rate):
        with pytest.raises(RuntimeError, match="compiled without a loss"):
            call(X, T)
    with pytest.raises(RuntimeError, match="compiled without a loss"):
        net.plan(training=True)
    assert np.array_equal(net.parameters, before)
    net.predict(X)
    with pytest.raises(RuntimeError, match="not compiled"):
        fnn.Sequential([fnn.Dense(2)], input_shape=(4,)).step()


def test_after_another_loss() -> None:
    """Neither of them leaves anything of the other."""
    net = network("mse")
    net.train_on_batch(X, T)
    net.compile("adam", None)
    with pytest.raises(RuntimeError, match="compiled without a loss"):
        net.train_on_batch(X, T)
    assert np.isfinite(net.compile("adam", "mse").train_on_batch(X, T))


@pytest.mark.parametrize("outputs", [1, 2])
def test_saved_and_copied(tmp_path: Path, outputs: int) -> None:
    net = network(outputs=outputs)
    if outputs == 1:
        loop(net)
    net.save(tmp_path / "net.safetensors")
    for twin in (fnn.load(tmp_path / "net.safetensors"), copy.copy(net)):
        assert twin.loss is None and twin.metrics == () and type(twin.optimizer) is fnn.Adam
        assert np.array_equal(twin.parameters, net.parameters)
        if outputs == 1:
            assert np.array_equal(loop(twin).parameters, loop(copy.copy(net)).parameters)


def test_what_measures_is_refused() -> None:
    with pytest.raises(ValueError, match="metrics: without a loss nothing is measured"):
        network().compile("adam", None, ["mae"])
    with pytest.raises(ValueError, match="loss_weights: without a loss"):
        network(outputs=2).compile("adam", None, loss_weights={"dense_1": 2.0})


def test_frozen_as_a_whole() -> None:
    net = network()
    for layer in net.layers:
        layer.trainable = False
    with pytest.raises(ValueError, match="no parameters to train: all are frozen"):
        net.compile("adam", None)
