"""Optimizers against their twins, over many steps."""

import numpy as np
import pytest

import reference
from check import TAILS, assert_close, assert_same_on_threads, empty, normal, run, tensor
from fastnn.kernels import SGD, Activation, Adam
from fastnn.op import Op
from fastnn.plan import Plan
from fastnn.tensor import Tensor

# Elements enough for two threads, and for four.
TWO, FOUR = 46_000, 100_000

SETTINGS: dict[str, tuple[type[Op], dict[str, float | bool], int]] = {
    "sgd": (SGD, {}, 0),
    "momentum": (SGD, {"momentum": 0.9}, 1),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}, 1),
    "adam": (Adam, {}, 2),
    "adam, other settings": (Adam, {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.5}, 2),
    "adamw": (Adam, {"weight_decay": 0.1}, 2),
}
every_optimizer = pytest.mark.parametrize("name", SETTINGS)


class Descent:
    """Steps of an optimizer on f(p) = sum log cosh p, whose gradient is tanh p, beside the same in float64."""

    def __init__(self, name: str, start: np.ndarray) -> None:
        self.optimizer, self.settings, slots = SETTINGS[name]
        self.start = start.reshape(1, -1)
        gradients = empty(*self.start.shape)
        self.tensors = [tensor(self.start), *(tensor(np.zeros(self.start.shape)) for _ in range(slots))]
        self.op = self.optimizer(self.tensors[0], gradients, *self.tensors[1:], **self.settings)
        self.plan = Plan([Activation(self.tensors[0], gradients, "tanh"), self.op])
        self.expected = [reference.double(tensor.array) for tensor in self.tensors]

    def run(self, rates: np.ndarray, update: int = 0) -> None:
        self.plan.run(len(rates), 1, rates=rates, update=update, pause=60)
        twin = getattr(reference, self.optimizer.__name__)
        settings = dict(self.settings)
        for i, rate in enumerate(rates):
            if self.optimizer is Adam:
                settings["update"] = update + i
            p, *slots = self.expected
            after = twin(p, np.tanh(p), *slots, rate=rate, **settings)
            self.expected = list(after[: len(self.expected)])

    def check(self, tolerance: float) -> None:
        for actual, expected in zip(self.tensors, self.expected, strict=True):
            assert_close(actual.array, expected, tolerance=tolerance)


@every_optimizer
def test_two_hundred_steps(isa: str, name: str) -> None:
    descent = Descent(name, normal(1001))
    descent.run(np.linspace(0.02, 0.01, 200))
    descent.check(2e-5)
    assert np.abs(descent.tensors[0].array - descent.start).max() > 0.1  # or the comparison says nothing


@every_optimizer
def test_tails(isa: str, num_threads: int, name: str) -> None:
    for columns in TAILS:
        if num_threads == 2 and columns % 10 > 1:
            continue
        descent = Descent(name, normal(columns if num_threads == 1 else TWO + columns))
        descent.run(np.array([0.1, 0.05, 0.2]))
        descent.check(1e-5)


@every_optimizer
def test_nothing_else_is_written(isa: str, name: str) -> None:
    optimizer, settings, slots = SETTINGS[name]
    for n in TAILS:
        changed = [tensor(normal(n)) for _ in range(1 + slots)]
        op = optimizer(changed[0], tensor(normal(n)), *changed[1:], **settings)
        run(op, *changed, rows=1, rates=np.array([0.1]))  # whatever the rows, all of the range


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_early_updates(isa: str, name: str) -> None:
    """Each single step from rest: the bias corrections of the first updates, and of late ones."""
    for update in (0, 1, 2, 9, 99, 10**4, 10**7):
        descent = Descent(name, normal(50))
        descent.run(np.array([0.1]), update)
        descent.check(1e-5)


def test_a_long_memory_starts_right(isa: str) -> None:
    """The first update of Adam is rate * sign(g), whatever the betas: the corrections fit the rounded betas."""
    for beta1, beta2 in ((0.9, 0.999), (0.99, 0.9999), (0.999, 0.99999), (0.9999, 0.999999)):
        zeros, p = np.zeros((1, 8)), tensor(np.zeros((1, 8)))
        op = Adam(p, tensor(np.ones((1, 8))), tensor(zeros), tensor(zeros), beta1=beta1, beta2=beta2)
        Plan([op]).run(1, 1, rates=np.array([1.0]))
        assert_close(p.array, -np.ones((1, 8)), tolerance=1e-4)


def test_decay_over_many_steps(isa: str) -> None:
    """What the default settings take off a weight in 20 000 steps, to half a percent."""
    zeros, p = np.zeros((1, 8)), tensor(np.ones((1, 8)))
    op = Adam(p, tensor(zeros), tensor(zeros), tensor(zeros), weight_decay=0.01)
    Plan([op]).run(20_000, 1, rates=np.full(20_000, 1e-3), pause=60)
    assert_close(1 - p.array, np.full((1, 8), 1 - (1 - 1e-5) ** 20_000), tolerance=5e-3)


@every_optimizer
def test_same_bits_on_threads(isa: str, name: str) -> None:
    optimizer, settings, slots = SETTINGS[name]

    def build() -> tuple[Op, *tuple[Tensor, ...]]:
        changed = [tensor(normal(FOUR, start=i) ** 2) for i in range(1 + slots)]
        return optimizer(changed[0], tensor(normal(FOUR)), *changed[1:], **settings), *changed

    assert_same_on_threads(build)


def test_rates_and_updates_go_by_steps(isa: str) -> None:
    """Steps in one run, or one by one with the counter handed on: the same bits."""
    rates = np.array([0.1, 0.0, 0.3, 0.05])
    together, apart = Descent("adamw", normal(50)), Descent("adamw", normal(50))
    together.run(rates, 3)
    for i in range(4):
        apart.run(rates[i : i + 1], 3 + i)
    for one, other in zip(together.tensors, apart.tensors, strict=True):
        assert (one.array == other.array).all()


def test_no_rate_changes_no_parameter(isa: str) -> None:
    descent = Descent("momentum", normal(50))
    descent.plan.run(3, 1, pause=60)
    descent.op()
    assert (descent.tensors[0].array == descent.start).all() and (descent.tensors[1].array != 0).all()


def test_rates_are_forgotten_after_a_run(isa: str) -> None:
    """An op called afterwards must not read beyond an array that may be gone."""
    rates = np.array([0.0, 1.0])  # the second is not this run's
    descent = Descent("sgd", normal(50))
    descent.plan.run(1, 1, rates=rates, pause=60)
    descent.op()
    assert (descent.tensors[0].array == descent.start).all()


def test_zero_gradients_are_no_trouble(isa: str) -> None:
    zeros = np.zeros((1, 20))
    p = tensor(normal(1, 20))
    op = Adam(p, tensor(zeros), tensor(zeros), tensor(zeros))
    Plan([op]).run(1, 1, rates=np.array([0.1]))
    assert (p.array == normal(1, 20)).all()


def test_arguments_are_checked() -> None:
    x, other, whole = Tensor((4,)), Tensor((5,)), Tensor((4,), "int32")
    for arguments, settings in (((x, x), {"momentum": 0.9}), ((x, x, x), {})):
        with pytest.raises(ValueError, match="SGD: a velocity goes with a momentum"):
            SGD(*arguments, **settings)
    for i in range(4):
        for wrong, error in ((other, ValueError), (whole, TypeError)):
            arguments = [x] * 4
            arguments[i] = wrong
            with pytest.raises(error):
                Adam(*arguments)
            if i < 3:
                with pytest.raises(error):
                    SGD(*arguments[:3], momentum=0.9)
