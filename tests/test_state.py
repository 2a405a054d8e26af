"""Truncated backpropagation: states that are carried from batch to batch, and sequences cut for it."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator

STREAMS, PIECES, STEPS = 6, 4, 5
LONG = generator(1).standard_normal((STREAMS, PIECES * STEPS, 4)).astype(np.float32)
CUT = LONG.reshape(STREAMS, PIECES, STEPS, 4).swapaxes(0, 1).reshape(-1, STEPS, 4)
Y = generator(2).standard_normal((len(CUT), STEPS, 3))


def network(steps: int = STEPS) -> fnn.Network:
    layers = [fnn.LSTM(9, return_sequences=True), fnn.GRU(8, return_sequences=True), fnn.Dense(3)]
    return fnn.Sequential(layers, input_shape=(steps, 4), seed=0).compile(fnn.SGD(0.1), "mse")


def test_pieces_are_the_whole() -> None:
    net, whole = network(), network(PIECES * STEPS)
    wanted = whole.predict(LONG)
    for _ in range(2):  # a call begins with zeros
        found = net.predict(CUT, STREAMS, stateful=True)
        assert_same_bits(found.reshape(PIECES, STREAMS, STEPS, 3).swapaxes(0, 1).reshape(wanted.shape), wanted)
    together = Y.reshape(PIECES, STREAMS, STEPS, 3).swapaxes(0, 1).reshape(wanted.shape)
    loss = net.evaluate(CUT, Y, STREAMS, stateful=True)["loss"]
    assert loss == pytest.approx(whole.evaluate(LONG, together)["loss"], rel=1e-6)


def test_fit_carries_states_and_begins_each_epoch_with_zeros() -> None:
    by_fit, by_hand = network(), network()
    by_fit.fit(CUT, Y, STREAMS, 2, shuffle=False, stateful=True, verbose=0, validation_data=(CUT, Y))
    for _ in range(2):
        by_hand.reset_state()
        for i in range(0, len(CUT), STREAMS):
            by_hand.train_on_batch(CUT[i : i + STREAMS], Y[i : i + STREAMS], stateful=True)
    assert_same_bits(by_fit.parameters, by_hand.parameters)
    without = network()
    without.fit(CUT, Y, STREAMS, 2, shuffle=False, verbose=0)
    assert not np.array_equal(by_fit.parameters, without.parameters)


def test_no_gradient_goes_through_a_carried_state() -> None:
    """The second piece's gradient is that of a network whose first states are given numbers."""
    layer = fnn.LSTM(9, return_sequences=True, return_state=True)
    x, h, c = fnn.Input((STEPS, 4)), fnn.Input((9,), name="h"), fnn.Input((9,), name="c")
    given = fnn.Network([x, h, c], list(layer(x, initial_state=[h, c])), seed=0)
    zeros = np.zeros((STREAMS, 9))
    first = given.predict([CUT[:STREAMS], zeros, zeros])
    net = fnn.Sequential([fnn.LSTM(9, return_sequences=True)], input_shape=(STEPS, 4), seed=0).compile("sgd", "mse")
    twin = fnn.Network([x, h, c], fnn.LSTM(9, return_sequences=True)(x, initial_state=[h, c]), seed=0)
    twin.compile("sgd", "mse")
    for network in (net, twin):
        for name in network.weights:
            network.weights[name] = given.weights[f"lstm_0.{name.split('.')[1]}"]
    net.compile(fnn.SGD(1e-30), "mse").train_on_batch(CUT[:STREAMS], np.zeros((STREAMS, STEPS, 9)), stateful=True)
    second, target = CUT[STREAMS : 2 * STREAMS], generator(3).standard_normal((STREAMS, STEPS, 9))
    net.train_on_batch(second, target, stateful=True)
    twin.train_on_batch([second, first["state_0"], first["state_1"]], target)
    for name in net.gradients:
        assert_same_bits(net.gradients[name], twin.gradients[name])


def test_a_step_that_fails_leaves_the_state() -> None:
    net, twin = network(), network()
    for i in range(0, len(CUT), STREAMS):
        x, y = CUT[i : i + STREAMS], Y[i : i + STREAMS]
        wrong, count = x.copy(), len(x)
        wrong[-1, -1, -1] = np.nan
        with pytest.raises(ValueError, match="nan"):
            net.train_on_batch(wrong, y, stateful=True)
        with pytest.raises(FloatingPointError):
            net.train_on_batch(x, np.full_like(y, 3e38), stateful=True)
        if i:
            for rows in (count - 1, count + 1):
                with pytest.raises(ValueError, match=f"belongs to {count} streams and cannot continue with {rows}"):
                    net.train_on_batch(CUT[:rows], Y[:rows], stateful=True)
        assert net.train_on_batch(x, y, stateful=True) == twin.train_on_batch(x, y, stateful=True)
    net.reset_state()
    net.train_on_batch(CUT[:7], Y[:7], stateful=True)


def test_the_state_of_a_fit_ends_with_it() -> None:
    """What trains after it begins with zeros, with any number of streams."""
    net, fitted = network(), network()
    fitted.train_on_batch(CUT[:5], Y[:5], stateful=True)
    fitted.fit(CUT, Y, STREAMS, shuffle=False, stateful=True, verbose=0)
    for name in net.weights:
        net.weights[name] = fitted.weights[name]
    for rows in (3, STREAMS + 1):
        assert fitted.train_on_batch(CUT[:rows], Y[:rows], stateful=True) == net.train_on_batch(CUT[:rows], Y[:rows])
        fitted.reset_state()


def test_the_state_is_one_whatever_else_is_given() -> None:
    """Lengths that are whole, weights that are 1, and classes as numbers or rows: the same state and bits."""
    layers = [fnn.LSTM(9, return_sequences=True), fnn.Dense(3)]
    labels = generator(4).integers(0, 3, (STREAMS, STEPS))
    rows = np.eye(3)[labels]
    forms: list[dict[str, Any]] = [{}, {"lengths": [STEPS] * STREAMS}, {"sample_weight": [1.0] * STREAMS}, {"y": rows}]
    net, twin = (
        fnn.Sequential(layers, input_shape=(STEPS, 4), seed=0).compile(fnn.SGD(1e-30), "cross_entropy") for _ in "ab"
    )
    for form in (*forms, *forms[::-1]):
        x = CUT[:STREAMS]
        wanted = twin.train_on_batch(x, labels, stateful=True)
        assert net.train_on_batch(**{"x": x, "y": labels, "stateful": True, **form}) == pytest.approx(wanted, rel=1e-6)
        for other in forms:
            few = {key: value[:-1] for key, value in other.items()}
            with pytest.raises(ValueError, match=f"belongs to {STREAMS} streams and cannot .* {STREAMS - 1}"):
                net.train_on_batch(**{"x": x[:-1], "y": labels[:-1], "stateful": True, **few})


def test_a_fit_that_is_refused_leaves_state_and_weights() -> None:
    net, twin = network(), network()
    for each in (net, twin):
        each.train_on_batch(CUT[:STREAMS], Y[:STREAMS], stateful=True)
    bad, odd = CUT.copy(), len(CUT) - 1
    bad[0, 0, 0] = np.nan
    settings: dict[str, Any] = {"batch_size": STREAMS, "shuffle": False, "stateful": True, "verbose": 0}
    for x, given, message in (
        (bad, {}, "nan"),
        (CUT, {"lengths": [STEPS + 1] * len(CUT)}, f"length.*{STEPS + 1}"),
        (CUT, {"validation_data": (CUT[:odd], Y[:odd])}, "validation_data: stateful: 23 samples do not divide"),
    ):
        with pytest.raises(ValueError, match=message):
            net.fit(x, Y, **settings, **given)
        assert_same_bits(net.parameters, twin.parameters)
    second = CUT[STREAMS : 2 * STREAMS], Y[STREAMS : 2 * STREAMS]
    assert net.train_on_batch(*second, stateful=True) == twin.train_on_batch(*second, stateful=True)


def test_a_fit_that_ends_on_the_way_ends_the_state() -> None:
    net, bad = network(), CUT.copy()
    net.train_on_batch(CUT[:5], Y[:5], stateful=True)
    bad[-1, -1, -1] = np.nan
    with pytest.raises(ValueError, match="nan"):
        net.fit(bad, Y, STREAMS, shuffle=False, stateful=True, verbose=0)
    net.train_on_batch(CUT[:7], Y[:7], stateful=True)


def test_what_is_refused() -> None:
    net = network()
    lbfgs = network().compile(fnn.LBFGS(), "mse")
    with pytest.raises(ValueError, match="LBFGS: all samples are one batch, so no state"):
        lbfgs.fit(CUT, Y, len(CUT), shuffle=False, stateful=True, verbose=0)
    for call in (
        lambda: net.fit(CUT, Y, STREAMS, stateful=True, shuffle=True, verbose=0),
        lambda: net.fit(CUT, Y, 7, shuffle=False, stateful=True, verbose=0),
        lambda: net.evaluate(CUT, Y, 7, stateful=True),
        lambda: net.predict(CUT, stateful=True),
    ):
        with pytest.raises(ValueError, match=r"stateful: .*(shuffle=False|batches of 7 streams|batch_size)"):
            call()
    with pytest.raises(TypeError, match="stateful must be True or False"):
        net.train_on_batch(CUT, Y, stateful="yes")  # type: ignore[arg-type]
    dense = fnn.Sequential([fnn.Dense(2)], input_shape=(4,), seed=0).compile("sgd", "mse")
    with pytest.raises(ValueError, match="no layer of the network is recurrent"):
        dense.train_on_batch(np.ones((3, 4)), np.ones((3, 2)), stateful=True)
    back = fnn.Sequential([fnn.LSTM(3, True, reverse=True)], input_shape=(STEPS, 4), seed=0).compile("sgd", "mse")
    with pytest.raises(ValueError, match="runs from the last step to the first"):
        back.train_on_batch(CUT, Y, stateful=True)


def test_streams() -> None:
    found = fnn.datasets.streams(np.arange(23), 2, 5)
    np.testing.assert_array_equal(found[:, 0], [0, 10, 5, 15])
    np.testing.assert_array_equal(found[0::2].reshape(-1), np.arange(10))
    assert fnn.datasets.streams(np.zeros((12, 3)), 2, 2).shape == (6, 2, 3)
    with pytest.raises(ValueError, match=r"2 streams of 5 steps need a sequence of 10 or more, got shape \(9,\)"):
        fnn.datasets.streams(np.arange(9), 2, 5)
    with pytest.raises(TypeError, match="real numbers"):
        fnn.datasets.streams(["a"], 1, 1)
    for name in ("batch_size", "steps"):
        with pytest.raises(ValueError, match=f"streams: {name} must be"):
            fnn.datasets.streams(np.arange(9), **{"batch_size": 1, "steps": 1, name: 0})
