"""A network that takes over the weights of another: at once, and little by little."""

import copy
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits


def network(seed: int, width: int = 40) -> fnn.Network:
    """With running statistics, and a network inside."""
    inner = fnn.Sequential([fnn.Dense(width, "tanh"), fnn.BatchNorm()], input_shape=(6,), seed=seed, name="inner")
    x = fnn.Input((6,))
    net = fnn.Network(x, fnn.Dense(3)(inner(x)), seed=seed).compile("adam", "mse")
    x, y = np.random.default_rng(seed).standard_normal((2, 8, 6))
    net.fit(x, y[:, :3], verbose=0)
    return net


def values(net: fnn.Network) -> dict[str, np.ndarray]:
    return {name: view.copy() for name, view in net.weights.items()}


def test_copies_have_the_same_bits() -> None:
    net, target = network(0), network(1)
    slots, counters = {name: slot.array.copy() for name, slot in target.slots.items()}, target.counters.values()
    target.copy_weights(net)
    for name, value in values(net).items():
        assert_same_bits(target.weights[name], value)
    for name, slot in target.slots.items():
        assert_same_bits(slot.array, slots[name])
    assert target.counters.values() == counters
    x = np.ones((5, 6))
    assert_same_bits(target.predict(x), net.predict(x))
    net.weights["dense_0.bias"][...] += 1
    assert (target.predict(x) != net.predict(x)).all(), "they share nothing"


@pytest.mark.parametrize("tau", [0.0, 0.005, 0.25, 1.0])
@pytest.mark.parametrize("threads", [1, 2])
def test_follow(tau: float, threads: int) -> None:
    net, target = network(0, 3000), network(1, 3000)
    before, theirs = values(target), values(net)
    with fnn.threads(threads):
        for _ in range(3):
            target.follow(net, tau)
    for name, value in before.items():
        wanted = value.astype(float)
        for _ in range(3):
            wanted += tau * (theirs[name] - wanted)
        np.testing.assert_allclose(target.weights[name], wanted, rtol=1e-5, atol=1e-6)
    for name, value in values(net).items():
        assert_same_bits(value, theirs[name])


def test_follow_sees_other_networks_rates_and_weights() -> None:
    """The plan that is kept is that of this pair and this rate."""
    target, first, second = network(0), network(1), network(2)
    for source, tau in ((first, 0.5), (first, 0.25), (second, 0.25), (first, 0.25)):
        before = target.weights["dense_0.weight"].copy()
        source.weights["dense_0.weight"][...] += 1
        target.follow(source, tau)
        wanted = before + np.float32(tau) * (source.weights["dense_0.weight"] - before)
        np.testing.assert_allclose(target.weights["dense_0.weight"], wanted, rtol=1e-5)
    again = copy.deepcopy(target)
    again.follow(first, 1.0)
    np.testing.assert_allclose(again.weights["dense_0.bias"], first.weights["dense_0.bias"], rtol=1e-6)


def test_what_is_shared_stays() -> None:
    """Two networks with the same network inside."""
    body = fnn.Sequential([fnn.Dense(4)], input_shape=(2,), seed=0, name="body")
    nets = []
    for seed in range(2):
        x = fnn.Input((2,))
        nets.append(fnn.Network(x, fnn.Dense(1)(body(x)), seed=seed))
    before = body.weights["dense_0.weight"].copy()
    nets[0].follow(nets[1], 0.5)
    nets[0].copy_weights(nets[1])
    assert_same_bits(body.weights["dense_0.weight"], before)
    assert_same_bits(nets[0].weights["dense_0.weight"], nets[1].weights["dense_0.weight"])


@pytest.mark.parametrize("verb", ["copy_weights", "follow"])
def test_what_does_not_fit_is_refused(verb: str) -> None:
    net = network(0)
    before = values(net)
    other: Any = network(1, 41)
    with pytest.raises(
        ValueError, match=rf"{verb}: Network\(.*\) and Network\(.*\) do not fit: inner.dense_0.weight is"
    ):
        getattr(net, verb)(other)
    with pytest.raises(ValueError, match=r"inner.dense_0.weight is \(6, 40\) in the first and missing in the other"):
        getattr(net, verb)(fnn.Sequential([fnn.Dense(40)], input_shape=(2,)))
    with pytest.raises(TypeError, match="expected a network, got dict"):
        getattr(net, verb)(dict(net.weights))
    with pytest.raises(RuntimeError, match="not built"):
        getattr(net, verb)(fnn.Sequential([fnn.Dense(3)]))
    for tau in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="tau must be a number >= 0 and <= 1"):
            net.follow(network(1), tau)
    for name, value in values(net).items():
        assert_same_bits(value, before[name])
