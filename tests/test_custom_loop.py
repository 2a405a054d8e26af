"""The low-level loop: the same numbers as `fit`, whatever is called in between, and clear errors out of turn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier, regression, state


def softmax_gradient(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of -log p[y], the mean over rows, with respect to p."""
    dp = np.zeros_like(p)
    rows = np.arange(len(y))
    dp[rows, y] = -1 / p[rows, y] / len(y)
    return dp


def deep(**options: Any) -> fnn.Sequential:
    """4 -> 8 -> 6 -> 1 with tanh, dropout and sigmoid in front of mse."""
    layers = [fnn.Dense(8, "tanh"), fnn.Dropout(0.4), fnn.Dense(6, "sigmoid"), fnn.Dense(1, **options)]
    return fnn.Sequential(layers, input_shape=(4,), seed=5).compile(fnn.SGD(0.1, momentum=0.5), "mse")


@pytest.mark.parametrize("last", ["identity", "tanh"])
def test_by_hand_as_train_on_batch(last: str) -> None:
    """Forward, loss, backward and step train like train_on_batch: dropout draws the same masks."""
    one, other = deep(activation=last), deep(activation=last)
    x, t = blobs()[0], blobs()[0][:, :1]
    for first in (0, 20, 35):
        batch = slice(first, first + 20)
        one.train_on_batch(x[batch], t[batch])
        y = other.forward(x[batch], training=True)
        other.predict(x)  # in between
        other.zero_grad()
        dx = other.backward(2 * (y - t[batch]) / y.size)
        assert dx.shape == (20, 4)
        other.step()
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-6, atol=1e-7)
    assert one.counters.update == other.counters.update == 3


def test_softmax_at_the_end() -> None:
    """Here the gradient is with respect to the probabilities."""
    net, (x, y) = classifier(fnn.SGD(0.1)), blobs()
    by_loss = net.gradient(x, y)
    p = net.forward(x, training=True)
    dx = net.backward(softmax_gradient(p, y))
    np.testing.assert_allclose(dx, by_loss[0], rtol=1e-4, atol=1e-7)
    for name, gradient in by_loss[1].items():
        np.testing.assert_allclose(net.gradients[name], gradient, rtol=1e-4, atol=1e-6)


def test_backward_adds() -> None:
    net, x = regression(2), blobs()[0]
    net.zero_grad()
    dy = np.ones((len(x), 2), np.float32)
    net.forward(x, training=True)
    net.backward(dy)
    once = {name: view.copy() for name, view in net.gradients.items()}
    net.forward(x, training=True)
    net.backward(2 * dy)
    for name, view in net.gradients.items():
        np.testing.assert_allclose(view, 3 * once[name], rtol=1e-5)
    net.zero_grad()
    assert all((view == 0).all() for view in net.gradients.values())


def test_input_gradient_alone() -> None:
    net, x = regression(), blobs()[0]
    net.zero_grad()
    net.forward(x, training=True)
    dx = net.backward(np.ones((len(x), 1)))
    gradients = {name: view.copy() for name, view in net.gradients.items()}
    net.forward(x, training=True)
    assert (net.backward(np.ones((len(x), 1)), parameters=False) == dx).all()
    for name, view in net.gradients.items():
        assert (view == gradients[name]).all() and view.any()


def test_forward_without_training_is_predict() -> None:
    net, x = deep(), blobs()[0]
    assert (net.forward(x) == net.predict(x)).all()
    with pytest.raises(RuntimeError, match="backward: call forward"):
        net.backward(np.ones((len(x), 1)))


def test_dropout_is_another_in_each_forward() -> None:
    net, x = deep(), blobs()[0]
    first, second = net.forward(x, training=True), net.forward(x, training=True)
    assert (first != second).any() and (first != net.predict(x)).any()


def test_batches_of_any_size_and_the_first_build_the_network() -> None:
    net, x = fnn.Sequential([fnn.Dense(3, "relu"), fnn.Dense(2)], seed=1).compile("sgd", "mse"), blobs()[0]
    for rows in (5, 90, 1, 60):
        y = net.forward(x[:rows], training=True)
        assert (y == net.predict(x[:rows])).all()
        assert net.backward(np.ones((rows, 2))).shape == (rows, 4)


@pytest.mark.parametrize("threads", [1, 2])
def test_same_bits_on_threads(threads: int) -> None:
    net = fnn.Sequential([fnn.Dense(512, "relu"), fnn.Dense(256)], input_shape=(300,), seed=1).compile("sgd", "mse")
    x = np.random.default_rng(0).standard_normal((128, 300))
    results = []
    for n in (1, threads):
        with fnn.threads(n):
            net.zero_grad()
            y = net.forward(x, training=True)
            results.append([y, net.backward(y), *(view.copy() for view in net.gradients.values())])
    assert all((a == b).all() for a, b in zip(*results, strict=True))


OUT_OF_TURN = {
    "before any forward": (lambda net, x: net.backward(np.ones((90, 1))), RuntimeError, "call forward"),
    "dy of another shape": (
        lambda net, x: net.backward(np.ones((89, 1))),
        ValueError,
        r"expected \(90, 1\).*\(89, 1\)",
    ),
    "dy is NaN": (lambda net, x: net.backward(np.full((90, 1), np.nan)), ValueError, r"dy\[0, 0\] is nan"),
    "dy is text": (lambda net, x: net.backward("dy"), TypeError, "dy"),
    "x is NaN": (lambda net, x: net.forward(x * np.nan, training=True), ValueError, r"x\[0, 0\] is nan"),
    "x of another shape": (lambda net, x: net.forward(x[:, :3], training=True), ValueError, "expected input"),
    "no flag": (lambda net, x: net.forward(x, training=1), TypeError, "training must be True or False"),
}


@pytest.mark.parametrize("name", OUT_OF_TURN)
def test_refused_and_nothing_lost(name: str) -> None:
    call, error, message = OUT_OF_TURN[name]
    net, x = regression(), blobs()[0]
    net.zero_grad()
    if name.startswith("dy"):
        net.forward(x, training=True)
    before = state(net)
    with pytest.raises(error, match=message):
        call(net, x)
    assert state(net) == before
    if name.startswith("dy"):  # the forward still waits
        net.backward(np.ones((90, 1)))
        with pytest.raises(RuntimeError, match="once for each backward"):
            net.backward(np.ones((90, 1)))


@pytest.mark.parametrize("call", [lambda net: net.step(), lambda net: net.gradient(np.ones((2, 4)), [0, 1])])
def test_before_compile(call: Callable[[fnn.Network], object]) -> None:
    with pytest.raises(RuntimeError, match="not compiled"):
        call(fnn.Sequential([fnn.Dense(3)], input_shape=(4,)))


def test_before_build() -> None:
    net = fnn.Sequential([fnn.Dense(3)]).compile("sgd", "mse")
    for call in (net.step, net.zero_grad):
        with pytest.raises(RuntimeError, match="not built"):
            call()


def test_a_new_compile_forgets_the_forward() -> None:
    net, x = regression(), blobs()[0]
    net.forward(x, training=True)
    net.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match="call forward"):
        net.backward(np.ones((90, 1)))
