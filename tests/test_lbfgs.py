"""L-BFGS: it finds minima that are known, an epoch is an iteration, and what does not work with it is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier, regression, state, training_state


def test_linear_least_squares() -> None:
    """The solution of the normal equations, to what float32 can tell, in few iterations."""
    x, _ = blobs(200, features=5)
    y = x @ np.arange(5) + 3 + np.random.default_rng(0).standard_normal(200)
    net = fnn.Sequential([fnn.Dense(1)], input_shape=(5,), seed=0).compile(fnn.LBFGS(), "mse")
    history = net.fit(x, y, 200, 50, verbose=0)
    wanted = np.linalg.lstsq(np.column_stack([x, np.ones(200)]), y, rcond=None)[0]
    found = np.append(net.weights["dense_0.weight"], net.weights["dense_0.bias"])
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert len(history.epoch) < 25  # it ends where no step lowers the loss
    assert (np.diff(history.history["loss"]) <= 0).all()


def test_logistic_regression() -> None:
    """The minimum of a convex loss with a penalty: the gradient is nearly nothing there, that of the penalty too."""
    x, y = blobs(150)
    net = fnn.Sequential([fnn.Dense(3, l2=0.01)], input_shape=(4,), seed=0).compile(fnn.LBFGS())
    net.fit(x, y, 150, 100, verbose=0)
    z = x.astype(np.float64) @ net.weights["dense_0.weight"] + net.weights["dense_0.bias"]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    gradient = x.T @ (p - np.eye(3)[y]) / 150 + 0.02 * net.weights["dense_0.weight"]
    assert np.abs(gradient).max() < 1e-5 < 0.02 * np.abs(net.weights["dense_0.weight"]).max()


def test_rosenbrock() -> None:
    """The valley (1 - a)^2 + 100 (b - a^2)^2, whose minimum plain gradients hardly reach."""

    def function(p: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = p.astype(np.float64)
        return (1 - a) ** 2 + 100 * (b - a * a) ** 2, np.array([2 * (a - 1) - 400 * a * (b - a * a), 200 * (b - a * a)])

    optimizer, point, pairs = fnn.LBFGS(), np.array([-1.2, 1.0], np.float32), []
    for _ in range(60):
        before = point
        point, turn = optimizer.iterate(function, point, pairs)
        pairs = [(point - before, turn), *pairs[:4]]
    np.testing.assert_allclose(point, [1, 1], atol=1e-3)


def test_the_two_loops() -> None:
    """H g by recursion is that by the matrices of BFGS (Nocedal & Wright 2006, eq. 7.16)."""
    from fastnn.optimizers.lbfgs import _product

    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((6, 6))
    hessian = matrix @ matrix.T + np.eye(6)
    steps = rng.standard_normal((4, 6)).astype(np.float32)
    pairs = [(step, (hessian @ step).astype(np.float32)) for step in steps]
    step, turn = (a.astype(np.float64) for a in pairs[-1])
    inverse = np.eye(6) * (step @ turn) / (turn @ turn)
    for pair in pairs:
        step, turn = (a.astype(np.float64) for a in pair)
        v = np.eye(6) - np.outer(turn, step) / (step @ turn)
        inverse = v.T @ inverse @ v + np.outer(step, step) / (step @ turn)
    gradient = rng.standard_normal(6)
    np.testing.assert_allclose(_product(gradient, pairs[::-1]), inverse @ gradient, rtol=1e-10)


def test_an_epoch_is_an_iteration() -> None:
    """Far fewer of them than of Adam's; the History has the loss at the beginning of each, metrics too."""
    x, y = blobs()
    net, adam = classifier(fnn.LBFGS()), classifier("adam")
    first = net.evaluate(x, y)
    history = net.fit(x, y, 90, 30, validation_data=(x, y), verbose=0).history
    adam.fit(x, y, 90, 30, verbose=0)
    assert net.evaluate(x, y)["loss"] < 0.3 * adam.evaluate(x, y)["loss"]
    assert {name: history[name][0] for name in first} == pytest.approx(first)
    assert history["loss"][1:] == pytest.approx(history["val_loss"][:-1])
    assert net.counters.update == net.counters.step == net.counters.epoch == len(history["loss"])


def test_resuming(tmp_path: Path) -> None:
    """The remembered changes are slots: they are saved, and training continues with the same bits, dropout or not."""
    x, y = blobs()
    layers = [fnn.Dense(8, activation="tanh"), fnn.Dropout(0.2), fnn.Dense(3, activation="softmax")]
    whole, net = (
        fnn.Sequential(layers, input_shape=(4,), seed=1).compile(fnn.LBFGS(memory=3), "cross_entropy") for _ in range(2)
    )
    whole.fit(x, y, 90, 8, verbose=0)
    net.fit(x, y, 90, 5, verbose=0)
    net.save(tmp_path / "net.safetensors")
    net = fnn.load(tmp_path / "net.safetensors")
    assert net.optimizer == fnn.LBFGS(memory=3)
    net.fit(x, y, 90, 3, verbose=0)
    assert training_state(net) == training_state(whole)


def test_padding_stays_zero() -> None:
    x, y = blobs()
    net = classifier(fnn.LBFGS(), hidden=5)
    net.fit(x, y, 90, 3, verbose=0)
    held = sum(view.size for view in net.weights.values())
    for block in (net.parameters, *(slot.array for slot in net.slots.values())):
        assert np.count_nonzero(block) <= held < block.size
    assert np.count_nonzero(net.slots["turn_0"].array)


def test_a_loss_that_overflows_on_the_way() -> None:
    """A first step far too long is tried, found to be infinite, and shortened."""
    x, _ = blobs()
    net = regression(optimizer=fnn.LBFGS(learning_rate=1e30))
    before = net.evaluate(x, x.sum(axis=1))["loss"]
    net.fit(x, x.sum(axis=1), 90, 3, verbose=0)
    assert np.isfinite(net.parameters).all() and net.evaluate(x, x.sum(axis=1))["loss"] <= before


def test_a_failure_on_the_way_leaves_the_parameters() -> None:
    """An exception between evaluations, such as Ctrl-C: the parameters are those before the iteration."""
    x, y = blobs()
    net = classifier(fnn.LBFGS())
    net.fit(x, y, 90, 2, verbose=0)
    before = training_state(net)

    class Interrupted(fnn.LBFGS):
        def iterate(self, function: Callable[..., Any], point: Any, pairs: Any) -> Any:
            function(point + 1)
            raise KeyboardInterrupt

    optimizer = net.optimizer
    net._set(optimizer=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, 90, 1, verbose=0)
    net._set(optimizer=optimizer)
    assert training_state(net) == before


def test_what_does_not_go_with_it() -> None:
    x, y = blobs()
    net = classifier(fnn.LBFGS())
    before = state(net)
    with pytest.raises(ValueError, match="LBFGS: expected all 90 samples in one batch, got batch_size 32"):
        net.fit(x, y, verbose=0)
    with pytest.raises(RuntimeError, match="LBFGS trains with fit only"):
        net.train_on_batch(x, y)
    with pytest.raises(ValueError, match="LBFGS has no learning rate to find"):
        net.find_learning_rate(x, y)
    assert state(net) == before
    constrained = fnn.Sequential([fnn.Dense(3, max_norm=1.0)], input_shape=(4,)).compile(fnn.LBFGS())
    with pytest.raises(ValueError, match="max_norm"):
        constrained.fit(x, y, 90, verbose=0)
    for settings, message in (
        ({"learning_rate": 0}, "LBFGS: learning_rate"),
        ({"memory": 0}, "LBFGS: memory"),
        ({"evaluations": 0}, "LBFGS: evaluations"),
    ):
        with pytest.raises(ValueError, match=message):
            fnn.LBFGS(**settings)
