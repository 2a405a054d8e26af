"""Copies of networks: equal in all that a file keeps, and independent in all that can change."""

import copy
import warnings
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits
from networks import blobs, classifier, training_state


def test_a_copy_shares_nothing_that_can_change() -> None:
    net, (x, y) = classifier(fnn.Adam(0.05, ema=0.9)), blobs()
    net.fit(x, y, epochs=1, verbose=0)
    net.metadata["notes"] = ["a"]
    before = training_state(net)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no layer is in two networks
        twin = copy.copy(net)
    assert training_state(twin) == before and twin.history.epoch == []
    twin.layers[0].trainable = False
    twin.trainable = False
    twin.metadata["notes"].append("b")
    twin.optimizer.learning_rate = 1.0
    twin.zero_grad()
    assert net.layers[0].trainable and net.trainable and net.metadata == {"notes": ["a"]}
    assert net.optimizer.learning_rate == 0.05 and any(view.any() for view in net.gradients.values())
    twin.trainable = True
    twin.train_on_batch(x, y)
    twin.compile("sgd")
    assert training_state(net) == before


def test_it_continues_with_the_same_bits() -> None:
    """Slots, counters, what is frozen and the form of targets are those of the other."""
    net, (x, y) = classifier("adam"), blobs()
    net.layers[0].trainable = False
    net.compile("adam")
    net.fit(x, y, epochs=2, verbose=0)
    net.layers[0].trainable = True  # counts from the next compile on
    twin = copy.deepcopy(net)
    for each in (net, twin):
        each.train_on_batch(x, y)
        each.fit(x, y, epochs=1, verbose=0)
    assert training_state(twin) == training_state(net)
    assert_same_bits(twin.weights["dense_0.weight"], net.weights["dense_0.weight"])


def test_what_is_not_built_or_compiled() -> None:
    twin = copy.copy(fnn.Sequential([fnn.Dense(3)], seed=3))
    assert twin.seed == 3 and not twin.features and twin.build((4,)).output_shape == (3,)
    with pytest.raises(RuntimeError, match="not compiled"):
        copy.copy(twin).train_on_batch(np.ones((2, 4)), np.ones((2, 3)))
    waiting = copy.copy(fnn.Sequential([fnn.Dense(3)], seed=3).compile("sgd", "mse"))
    assert waiting.train_on_batch(np.ones((2, 4)), np.ones((2, 3))) > 0


def test_networks_inside_are_copied_once_each() -> None:
    body = fnn.Sequential([fnn.Dense(4, "tanh")], input_shape=(2,), seed=0, name="body")
    body.trainable = False
    a, b = fnn.Input((2,)), fnn.Input((2,))
    net = fnn.Network([a, b], fnn.Dense(1)(fnn.Add()([body(a), body(b)])), seed=1).compile("sgd", "mse")
    twin = copy.copy(net)
    inner: Any = twin.layers[0]
    assert inner is not body and inner.name == "body" and not inner.trainable and twin.frozen == net.frozen
    body.weights["dense_0.bias"][...] += 1
    assert not inner.weights["dense_0.bias"].any()
    inner.weights["dense_0.bias"][...] += 1
    x = [np.ones((3, 2)), np.zeros((3, 2))]
    assert_same_bits(twin.predict(x), net.predict(x))


def test_in_a_callback() -> None:
    """The thread that trains may copy, in a callback."""
    net, (x, y), seen = classifier(), blobs(), []

    class Watch(fnn.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            seen.append(copy.copy(net).evaluate(x, y) == net.evaluate(x, y))

    net.fit(x, y, epochs=2, callbacks=[Watch()], verbose=0)
    assert seen == [True, True]
