"""Frozen networks: classes, how they follow the network, and the moving average."""

import threading
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal
from networks import blobs, classifier
from test_predictor_graphs import first, inputs, player


def ending(*layers: Any, features: tuple[int, ...] = (4,)) -> fnn.Sequential:
    return fnn.Sequential([*layers], input_shape=features, seed=0)


ENDINGS = {
    "softmax": lambda: ending(fnn.Dense(9, "tanh"), fnn.Dense(3, "softmax")),
    "logits": lambda: ending(fnn.Dense(3)).compile("adam", "cross_entropy"),
    "one sigmoid": lambda: ending(fnn.Dense(1, "sigmoid")),
    "labels": lambda: ending(fnn.Dense(5, "sigmoid")),
    "positions": lambda: ending(fnn.Dense(12), fnn.Reshape((2, 2, 3)), fnn.Activation("softmax")),
    "norm": lambda: ending(fnn.Dense(200, "relu"), fnn.BatchNorm(), fnn.Dense(70, "softmax")),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_the_classes_of_classify(name: str, isa: str, num_threads: int) -> None:
    net = ENDINGS[name]()
    f = net.freeze(300)
    for rows in (1, 7, 300):
        x = normal(rows, 4).astype(np.float32)
        expected = net.classify(x)
        found = f.classify(x)
        assert found.dtype == np.int64 and found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)
        one = f.classify(x[0])
        if expected.ndim == 1:
            assert type(one) is int
        np.testing.assert_array_equal(one, expected[0])
    net.weights[f"{net.graph.nodes[0].name}.weight"][...] *= -1
    f.refresh()
    np.testing.assert_array_equal(f.classify(x), net.classify(x))


def test_classes_of_several_outputs() -> None:
    a = fnn.Input((4,))
    net = fnn.Network(a, [fnn.Dense(3, "softmax", name="kind")(a), fnn.Dense(1, "sigmoid", name="flag")(a)], seed=0)
    f, x = net.freeze(6), normal(6, 4)
    expected = net.classify(x)
    for name, found in f.classify(x).items():
        np.testing.assert_array_equal(found, expected[name])
    assert f.classify(x[1]) == {name: value[1] for name, value in expected.items()}
    with pytest.raises(ValueError, match="predicts values, not classes"):
        player().freeze().classify(first(inputs(1)))


def test_classes_that_are_refused() -> None:
    f = ending(fnn.Dense(3)).freeze(2)
    for _ in range(2):
        with pytest.raises(ValueError, match="this network predicts values, not classes"):
            f.classify(np.ones(4))
    f = ENDINGS["softmax"]().freeze(200)
    x = normal(200, 4).copy()
    x[150, 2] = np.nan
    with pytest.raises(ValueError, match=r"x\[150, 2\] is nan"):
        f.classify(x)
    with pytest.raises(ValueError, match=r"x\[0, 2\] is nan"):
        f.classify(x[150])
    with pytest.raises(ValueError, match=r"x: expected \(4,\)"):
        f.classify(np.ones(5))
    assert f.classify(x[:3]).shape == (3,)


def test_classes_mean_what_they_meant_at_the_freeze() -> None:
    """A later compile with another loss changes nothing, also not for lanes that are made later."""
    net = ending(fnn.Dense(3)).compile("adam", "cross_entropy")
    f, x = net.freeze(2), normal(2, 4)
    expected = net.classify(x)
    net.compile("adam", "mse")
    np.testing.assert_array_equal(f.classify(x), expected)
    f.refresh()
    f.refresh()
    np.testing.assert_array_equal(f.classify(x), expected)


@pytest.mark.parametrize("tau", [0.0, 0.005, 0.25, 1.0])
def test_it_moves_towards_the_network(tau: float, num_threads: int) -> None:
    net = ending(fnn.Dense(300, "tanh"), fnn.BatchNorm(), fnn.Dense(3))
    target = ending(fnn.Dense(300, "tanh"), fnn.BatchNorm(), fnn.Dense(3))
    f, x = net.freeze(4), normal(4, 4)
    for step in range(3):
        for view in net.weights.values():
            view[...] = np.abs(view) * 1.25 + 0.1 * step
        f.refresh(tau)
        target.follow(net, tau) if tau < 1 else target.copy_weights(net)
        assert_same_bits(f(x), target.freeze(4)(x))


def test_wrong_tau() -> None:
    f = ending(fnn.Dense(3)).freeze()
    for tau in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="refresh: tau must be a number >= 0 and <= 1"):
            f.refresh(tau)
    with pytest.raises(TypeError, match="tau"):
        f.refresh("all")  # type: ignore[arg-type]


def test_a_stream_moves_too() -> None:
    net = ending(fnn.SimpleRNN(3), features=(5, 2))
    f = net.freeze(streaming=True)
    before = net.weights["simple_rnn_0.bias"].copy()
    net.weights["simple_rnn_0.bias"][...] += 1
    f.refresh(0.5)
    y = f.step(np.zeros(2))
    np.testing.assert_allclose(y, np.tanh(before + 0.5), rtol=1e-6)


def test_no_move_is_lost() -> None:
    """Threads that refresh at the same time move the weights one after the other."""
    net = ending(fnn.Dense(400_000, bias=False), features=(1,))
    f, moves, x = net.freeze(), 12, np.ones(1)
    before = f(x)
    net.weights["dense_0.weight"][...] = 0

    def move() -> None:
        for _ in range(moves):
            f.refresh(0.1)

    threads = [threading.Thread(target=move) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(f(x), before * 0.9 ** (3 * moves), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("freeze_a_layer", [False, True])
def test_the_average(freeze_a_layer: bool) -> None:
    net, (x, y) = classifier(), blobs()
    net.layers[0].trainable = not freeze_a_layer
    net.compile(fnn.Adam(0.05, ema=0.9), "cross_entropy")
    f, moving = net.freeze(8, averaged=True), net.freeze(8, averaged=True)
    assert_same_bits(f(x[:8]), net.predict(x[:8]))  # there is no average yet
    goal, own = net.averaged(), net.averaged()
    for _ in range(3):
        net.fit(x, y, epochs=1, verbose=0)
        f.refresh()
        goal = net.averaged()
        assert_same_bits(f(x[:8]), goal.predict(x[:8]))
        assert (f(x[:8]) != net.predict(x[:8])).any()
        moving.refresh(0.25)
        own.follow(goal, 0.25)
        assert_same_bits(moving(x[:8]), own.predict(x[:8]))
    assert_same_bits(net.freeze(8, averaged=True)(x[:8]), goal.predict(x[:8]))
    net.compile("adam", "cross_entropy")
    with pytest.raises(RuntimeError, match="refresh: the optimizer keeps no average"):
        f.refresh()
    with pytest.raises(RuntimeError, match="freeze: the optimizer keeps no average"):
        net.freeze(averaged=True)
