"""compile with keep_state: training continues with the optimizer's slots and count of updates."""

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal


def network(**settings: float) -> fnn.Network:
    x = fnn.Input((4,))
    net = fnn.Network(x, [fnn.Dense(2, name="a")(x), fnn.Dense(1, name="b")(x)], seed=0)
    return net.compile(fnn.Adam(0.01, ema=0.9), "mse", loss_weights=settings)


def train(net: fnn.Network, steps: int) -> None:
    x, y = normal(8, 4), {"a": normal(8, 2, start=1), "b": normal(8, 1, start=2)}
    for _ in range(steps):
        net.train_on_batch(x, y)


def test_the_same_bits_as_without() -> None:
    first, second, third = network(), network(), network()
    for net in (first, second, third):
        train(net, 5)
    second.compile(fnn.Adam(0.01, ema=0.9), "mse", keep_state=True)
    third.compile(fnn.Adam(0.01, ema=0.9), "mse")
    for net in (first, second, third):
        train(net, 5)
    assert_same_bits(first.vector(), second.vector())
    assert first.counters == second.counters
    assert (first.vector() != third.vector()).any()


def test_another_weight_and_rate_and_metric() -> None:
    net = network(b=0.0)
    train(net, 3)
    before, slots = net.weights["b.weight"].copy(), net.slots
    net.compile(fnn.Adam(0.1, ema=0.9), "huber", ["mae"], {"b": 2.0}, keep_state=True)
    assert net.slots is slots and net.counters.update == 3
    train(net, 1)
    assert np.abs(net.weights["b.weight"] - before).max() > 0.01


def test_a_state_that_does_not_exist() -> None:
    net = network()
    with pytest.raises(ValueError, match="keep_state: the optimizer has the slots velocity, and the network"):
        net.compile(fnn.SGD(0.1, momentum=0.9), "mse", keep_state=True)
    assert isinstance(net.optimizer, fnn.Adam)
    with pytest.raises(ValueError, match="no state to keep"):
        fnn.Sequential([fnn.Dense(1)], input_shape=(2,)).compile("adam", "mse", keep_state=True)
    with pytest.raises(TypeError, match="keep_state"):
        net.compile("adam", "mse", keep_state=1)


def test_an_agent_takes_the_new_settings() -> None:
    net = fnn.Sequential([fnn.Dense(2)], input_shape=(1,), seed=0).compile(fnn.SGD(0.5), loss=None)
    memory = fnn.rl.Replay(50, (1,), 2, seed=0)
    for i in range(10):
        memory.add([1.0], i % 2, 1.0, [1.0], True)
    learn = fnn.rl.QLearning(net, memory, 8)
    learn()
    net.compile(fnn.SGD(1e-9), loss=None, keep_state=True)
    before = net.vector()
    learn()
    np.testing.assert_allclose(net.vector(), before, atol=1e-6)
