"""Learning rates that follow a plan: their formulas, PyTorch's, and what training makes of them."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.schedules import (
    BLOCK,
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    OneCycle,
    Polynomial,
    Schedule,
    Step,
    WarmUp,
)
from networks import blobs, classifier, training_state

EXAMPLES: dict[str, Schedule] = {
    "constant": Constant(0.3),
    "step": Step(0.4, every=3, factor=0.5),
    "exponential": Exponential(0.4, factor=0.5, every=10),
    "polynomial": Polynomial(0.4, steps=10, end=0.1, power=2),
    "inverse square root": InverseSqrt(0.4, warmup=4),
    "cosine": Cosine(0.4, steps=10, end=0.1),
    "restarts": Cosine(0.4, steps=4, end=0.1, restarts=True),
    "longer restarts": Cosine(0.4, steps=4, restarts=True, growth=2),
    "warm-up": WarmUp(4, 0.4),
    "warm-up, cosine": WarmUp(4, Cosine(0.4, steps=10)),
    "one cycle": OneCycle(0.4, steps=20),
}
every_schedule = pytest.mark.parametrize("name", EXAMPLES)


def test_every_schedule_has_an_example() -> None:
    assert {type(schedule) for schedule in EXAMPLES.values()} == set(SCHEDULES.values())


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("constant", {0: 0.3, 999: 0.3}),
        ("step", {0: 0.4, 2: 0.4, 3: 0.2, 6: 0.1}),
        ("exponential", {0: 0.4, 5: 0.4 * 0.5**0.5, 10: 0.2, 20: 0.1}),
        ("polynomial", {0: 0.4, 5: 0.175, 10: 0.1, 5000: 0.1}),
        ("inverse square root", {0: 0.1, 1: 0.2, 3: 0.4, 15: 0.2, 399: 0.04}),
        ("cosine", {0: 0.4, 5: 0.25, 10: 0.1, 5000: 0.1}),
        ("restarts", {0: 0.4, 2: 0.25, 3: 0.25 - 0.15 * 0.5**0.5, 4: 0.4, 6: 0.25, 4000: 0.4}),
        ("longer restarts", {0: 0.4, 2: 0.2, 4: 0.4, 8: 0.2, 12: 0.4, 20: 0.2, 28: 0.4}),
        ("warm-up", {0: 0.1, 1: 0.2, 3: 0.4, 4: 0.4, 99: 0.4}),
        ("warm-up, cosine", {0: 0.1, 3: 0.4, 4: 0.4, 9: 0.2, 14: 0.0}),
        ("one cycle", {0: 0.016, 5: 0.4, 19: 1.6e-6, 5000: 1.6e-6}),
    ],
)
def test_by_hand(name: str, rates: dict[int, float]) -> None:
    for update, rate in rates.items():
        assert EXAMPLES[name].rates(update, 1)[0] == pytest.approx(rate, rel=1e-12, abs=1e-15)


@every_schedule
def test_the_same_bits_however_asked(name: str) -> None:
    """One by one, in pieces over the bounds of blocks, or all at once."""
    schedule, n = EXAMPLES[name], 2 * BLOCK + 50
    whole = schedule.rates(0, n)
    assert whole.shape == (n,) and whole.dtype == np.float64 and (whole >= 0).all()
    pieces = [schedule.rates(start, min(777, n - start)) for start in range(0, n, 777)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    np.testing.assert_array_equal(
        [schedule.rates(t, 1)[0] for t in range(BLOCK - 3, BLOCK + 3)], whole[BLOCK - 3 :][:6]
    )


@every_schedule
@pytest.mark.parametrize("callbacks", [[], [type("Each", (fnn.Callback,), {"on_batch_end": lambda *_: None})()]])
def test_fit_takes_the_rate_of_each_update(name: str, callbacks: list[fnn.Callback]) -> None:
    """The same bits as steps whose rates are set manually, in fit and in train_on_batch."""
    x, y = blobs()
    schedule = EXAMPLES[name]
    net, by_hand, steps = classifier(fnn.SGD(schedule)), classifier(fnn.SGD(0.0)), classifier(fnn.SGD(schedule))
    net.fit(x, y, 8, 3, shuffle=False, callbacks=callbacks, verbose=0)
    for update in range(36):
        by_hand.optimizer.learning_rate = schedule.rates(update, 1)[0]  # type: ignore[union-attr]
        rows = slice(update % 12 * 8, update % 12 * 8 + 8)
        for twin in (by_hand, steps):
            twin.train_on_batch(x[rows], y[rows])
    assert (net.parameters == by_hand.parameters).all() and (net.parameters == steps.parameters).all()


@every_schedule
def test_files_and_resuming(name: str, tmp_path: Path) -> None:
    """A schedule comes back from a file, and training continues with the bits of one without a break."""
    x, y = blobs()
    whole, net = (classifier(fnn.Adam(EXAMPLES[name], ema=0.9)) for _ in range(2))
    whole.fit(x, y, 16, 4, verbose=0)
    net.fit(x, y, 16, 2, verbose=0)
    net.save(tmp_path / "net.safetensors")
    net = fnn.load(tmp_path / "net.safetensors")
    assert net.optimizer == fnn.Adam(EXAMPLES[name], ema=0.9)
    copy.copy(net).fit(x, y, 16, 2, verbose=0)
    net.fit(x, y, 16, 2, verbose=0)
    assert training_state(net) == training_state(whole)


def test_compile_starts_again() -> None:
    """The count of updates, and so the schedule; a number may replace it at any time."""
    x, y = blobs()
    net = classifier(fnn.SGD(WarmUp(100, 0.1)))
    net.fit(x, y, 8, 2, verbose=0)
    net.compile(fnn.SGD(Polynomial(0.1, 1)))
    before = net.parameters.copy()
    net.train_on_batch(x, y)
    assert (net.parameters != before).any()
    before = net.parameters.copy()
    net.train_on_batch(x, y)
    assert (net.parameters == before).all()
    net.optimizer.learning_rate = 0.1  # type: ignore[union-attr]
    net.train_on_batch(x, y)
    assert (net.parameters != before).any()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Constant(-1), ValueError, "Constant: rate"),
        (lambda: Step(0.1, 0), ValueError, "Step: every"),
        (lambda: Step(0.1, 5, 2.0), ValueError, "Step: factor"),
        (lambda: Exponential(float("nan"), 0.9), ValueError, "Exponential: rate"),
        (lambda: Polynomial(0.1, 2.5), TypeError, "Polynomial: steps"),
        (lambda: InverseSqrt(0.1, 0), ValueError, "InverseSqrt: warmup"),
        (lambda: InverseSqrt(-1, 10), ValueError, "InverseSqrt: rate"),
        (lambda: Cosine(0.1, 10, end=-1), ValueError, "Cosine: end"),
        (lambda: Cosine(0.1, 10, growth=2), ValueError, "growth needs restarts"),
        (lambda: Cosine(0.1, 10, restarts=1), TypeError, "Cosine: restarts"),
        (lambda: WarmUp(5, "0.1"), TypeError, "Constant: rate"),
        (lambda: OneCycle(0.1, 3), ValueError, "OneCycle: .* of 3 steps leaves too few"),
        (lambda: OneCycle(0.1, 3, rise=0.9), ValueError, "OneCycle: .* of 3 steps leaves too few"),
        (lambda: fnn.Adam(lambda t: 0.1), TypeError, "Adam: learning_rate"),
        (lambda: fnn.LBFGS(Constant(1.0)), TypeError, "LBFGS: learning_rate"),
    ],
)
def test_settings_are_checked(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_schedule_of_ones_own() -> None:
    """It trains, and a copy trains alike."""

    class Flat(Schedule):
        def at(self, t: np.ndarray) -> np.ndarray:
            return np.full(len(t), 0.5)

    x, y = blobs()
    net, twin = classifier(fnn.SGD(Flat())), classifier(fnn.SGD(0.5))
    net.fit(x, y, 16, 2, verbose=0)
    twin.fit(x, y, 16, 2, verbose=0)
    assert (net.parameters == twin.parameters).all()
    for each in (other := copy.copy(net), net):
        each.fit(x, y, 16, 1, verbose=0)
    assert (other.parameters == net.parameters).all()


WRONG: dict[str, tuple[Callable[[np.ndarray], Any], str]] = {
    "a number": (lambda t: 0.1, r"Own: at\(t\) must give a number for each of the 1024 updates t, got float64 \(\)"),
    "too few": (lambda t: t[:10], r"got float64 \(10,\)"),
    "two columns": (lambda t: np.ones((len(t), 2)), r"got float64 \(1024, 2\)"),
    "text": (lambda t: ["fast"] * len(t), "got <U4"),
    "negative": (lambda t: t - 1, r"Own: at\(t\) gave a rate that is negative or not finite"),
    "NaN": (lambda t: np.full(len(t), np.nan), "not finite"),
    "infinite": (lambda t: np.full(len(t), np.inf), "not finite"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_rates_change_nothing(name: str) -> None:
    function, message = WRONG[name]
    schedule = type("Own", (Schedule,), {"at": lambda _, t: function(t)})()
    (x, y), net = blobs(), classifier(fnn.SGD(schedule))
    before = net.parameters.copy()
    for call in (lambda: net.fit(x, y, 16, verbose=0), lambda: net.train_on_batch(x, y), net.step):
        with pytest.raises(ValueError, match=message):
            call()
    assert (net.parameters == before).all() and net.counters.update == 0


def test_rates_that_are_not_reached_may_be_wrong() -> None:
    """Whole numbers are rates too, and a straight line may cross zero after the last update."""
    schedule = type("Line", (Schedule,), {"at": lambda _, t: 6 - t.astype(int)})()
    assert list(schedule.rates(0, 7)) == [6, 5, 4, 3, 2, 1, 0] and schedule.rates(0, 1).dtype == float
    with pytest.raises(ValueError, match="Line"):
        schedule.rates(6, 2)
