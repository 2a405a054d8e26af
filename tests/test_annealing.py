"""A beta of GaussianSample that follows a schedule: each update has the weight that it has when set before the step."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal
from fastnn.schedules import Cosine, Polynomial, Schedule, Step, WarmUp
from test_gaussian_sample import autoencoder

RAMP = Polynomial(0, steps=7, end=1)
LONG = Step(1.0, every=100, factor=0.5)  # over more updates than are looked up at once
X = normal(24, 4)


@dataclass(eq=False, repr=False)
class Sinking(Schedule):
    """Less than 0 from update 5 on."""

    start: float

    def at(self, t: np.ndarray) -> np.ndarray:
        return self.start * (4.5 - t)


def set_each_time(schedule: Schedule, steps: int) -> fnn.Network:
    """A network whose beta is set before each step."""
    net = autoencoder(0.0, fnn.Adam(0.01))
    for beta in schedule.rates(0, steps):
        net.graph.layers["code"].beta = float(beta)
        net.train_on_batch(X, X)
    return net


def assert_same(net: fnn.Network, other: fnn.Network) -> None:
    assert_same_bits(net.vector(), other.vector())


def fitted(net: fnn.Network, steps: int) -> None:
    net.fit(X, X, len(X), steps, shuffle=False, verbose=0)


def stepped(net: fnn.Network, steps: int) -> None:
    for _ in range(steps):
        net.train_on_batch(X, X)


def looped(net: fnn.Network, steps: int) -> None:
    for _ in range(steps):
        y = net.forward(X, training=True)
        net.backward(2 * (y - X) / X.size)
        net.step()
        net.zero_grad()


def updated(net: fnn.Network, steps: int) -> None:
    for _ in range(steps):
        net.update(2 * (net.forward(X, training=True) - X) / X.size)


@pytest.mark.parametrize("schedule", [RAMP, Cosine(0, steps=4, end=1, restarts=True), WarmUp(5, 0.5)])
@pytest.mark.parametrize("train", [fitted, stepped])
def test_each_update_has_its_beta(schedule: Schedule, train: Callable[[fnn.Network, int], None]) -> None:
    net = autoencoder(schedule, fnn.Adam(0.01))
    train(net, 9)
    assert_same(net, set_each_time(schedule, 9))


@pytest.mark.parametrize("train", [looped, updated])
def test_custom_loops(train: Callable[[fnn.Network, int], None]) -> None:
    """Also where several backward passes come before an update."""
    net = autoencoder(RAMP, fnn.Adam(0.01))
    train(net, 9)
    other = autoencoder(0.0, fnn.Adam(0.01))
    for beta in RAMP.rates(0, 9):
        other.graph.layers["code"].beta = float(beta)
        train(other, 1)
    assert_same(net, other)
    assert (net.vector() != set_each_time(Polynomial(0, steps=99, end=1), 9).vector()).any()


def test_many_steps_in_one_run() -> None:
    """24 samples one by one, 60 times: one native run, which looks ahead twice."""
    net = autoencoder(LONG, fnn.SGD(0.001))
    history = net.fit(X, X, 1, 60, shuffle=False, verbose=0).history
    other = autoencoder(0.0, fnn.SGD(0.001))
    betas = LONG.rates(0, 24 * 60)
    for i, beta in enumerate(betas):
        other.graph.layers["code"].beta = float(beta)
        other.train_on_batch(X[i % 24 : i % 24 + 1], X[i % 24 : i % 24 + 1])
    assert_same(net, other)
    assert history["penalty"][-1] < history["penalty"][0]


def test_the_loss_that_evaluate_shows() -> None:
    """That of the next update, for all batches; the gradient too."""
    net, plain = autoencoder(Polynomial(0, steps=4, end=1), fnn.SGD(0.0)), autoencoder(1.0, fnn.SGD(0.0))
    whole = plain.evaluate(X, X)["penalty"]
    assert net.evaluate(X, X)["penalty"] == 0
    history = net.fit(X, X, 24, 6, validation_data=(X, X), verbose=0).history
    np.testing.assert_allclose(history["penalty"], np.minimum(np.arange(6) / 4, 1) * whole, rtol=1e-5)
    np.testing.assert_allclose(history["val_penalty"], np.minimum(np.arange(1, 7) / 4, 1) * whole, rtol=1e-5)
    net = autoencoder(Polynomial(0, steps=4, end=1), fnn.SGD(0.0))
    stepped(net, 2)
    for batch in (1, 5, 24):
        assert net.evaluate(X, X, batch)["penalty"] == pytest.approx(whole / 2, rel=1e-5)
    half = autoencoder(0.5, fnn.SGD(0.0))
    np.testing.assert_allclose(net.losses(X, X), half.losses(X, X), rtol=1e-5)
    fnn.check_gradients(net, X, X)
    assert net.gradient(X, X)[1]["spread.weight"].any()


def test_files_and_copies_continue(tmp_path: Path) -> None:
    net, whole = autoencoder(RAMP, fnn.Adam(0.01)), set_each_time(RAMP, 9)
    stepped(net, 4)
    net.save(tmp_path / "net.fnn")
    others = [fnn.load(tmp_path / "net.fnn"), copy.copy(net)]
    for other in (net, *others):
        assert other.graph.layers["code"].beta == RAMP
        stepped(other, 5)
        assert_same(other, whole)


def test_a_resumed_run_has_the_same_bits(tmp_path: Path) -> None:
    class Break(fnn.Callback):
        at = 5

        def on_batch_end(self, step: int, logs: object = None) -> None:
            if self.net.counters.step == self.at:
                raise KeyboardInterrupt

    def run(name: str, at: int) -> fnn.Network:
        net, end = autoencoder(RAMP, fnn.Adam(0.01)), Break()
        end.at = at
        net.fit(X, X, 8, 4, callbacks=[fnn.callbacks.Checkpoint(tmp_path / name, every=2, resume=True), end], verbose=0)
        return net

    with pytest.raises(KeyboardInterrupt):
        run("broken", 5)
    assert_same(run("broken", 0), run("whole", 0))


def test_a_schedule_of_ones_own(tmp_path: Path) -> None:
    """What it gives for updates that are not reached does not matter; at the first bad one the run ends."""
    net = autoencoder(Sinking(0.1), fnn.Adam(0.01))
    stepped(net, 5)
    before = net.vector()
    for train in (stepped, fitted, updated):
        with pytest.raises(ValueError, match=r"Sinking: .* negative"):
            train(net, 1)
        assert_same_bits(net.vector(), before)
        assert net.counters.update == 5
    net.save(tmp_path / "net.fnn")
    with pytest.raises(ValueError, match=r"unknown schedule 'Sinking'.*schedules="):
        fnn.load(tmp_path / "net.fnn")
    again = fnn.load(tmp_path / "net.fnn", schedules={"Sinking": Sinking})
    assert again.graph.layers["code"].beta == Sinking(0.1)
    assert copy.deepcopy(net).graph.layers["code"].beta == Sinking(0.1)


def test_it_may_be_set() -> None:
    """From a schedule to a number and back: plans that exist take it."""
    net, plain = autoencoder(RAMP, fnn.SGD(0.0)), autoencoder(1.0, fnn.SGD(0.0))
    whole, layer = plain.evaluate(X, X)["penalty"], net.graph.layers["code"]
    assert net.evaluate(X, X)["penalty"] == 0
    for beta, expected in ((2.0, 2 * whole), (Step(0.5, 5), whole / 2), (RAMP, 0)):
        layer.beta = beta
        assert net.evaluate(X, X)["penalty"] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(TypeError, match="beta must be a number, got 'linear'"):
        layer.beta = "linear"
    assert layer.beta == RAMP


def test_inside_another_network(tmp_path: Path) -> None:
    """The updates of the network that trains count."""
    inner = autoencoder(RAMP)
    x = fnn.Input((4,))
    net = fnn.Network(x, fnn.Dense(4)(inner(x)), seed=0).compile(fnn.SGD(0.0), "mse")
    stepped(net, 7)
    net.save(tmp_path / "net.fnn")
    for each in (net, fnn.load(tmp_path / "net.fnn")):
        assert each.evaluate(X, X)["penalty"] == pytest.approx(autoencoder(1.0).evaluate(X, X)["penalty"], rel=1e-5)
    assert inner.evaluate(X, X)["penalty"] == 0
