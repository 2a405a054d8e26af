"""Optimizers against their twins, over many steps."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike

import reference
import reference_updates
from check import TAILS, assert_close, assert_same_on_threads, empty, normal, run, tensor
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.kernels import SGD, Activation, Adadelta, Adagrad, Adam, Lion, Nadam, RMSprop, Rprop

# Elements enough for two threads, and for four.
TWO, FOUR = 46_000, 100_000

# The Op, its settings, and its slots.
SETTINGS: dict[str, tuple[type[Op], dict[str, float | bool], str]] = {
    "sgd": (SGD, {}, ""),
    "sgd, decay": (SGD, {"weight_decay": 0.1}, ""),
    "momentum": (SGD, {"momentum": 0.9}, "velocity"),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, "velocity"),
    "adam": (Adam, {}, "m v"),
    "adam, other settings": (Adam, {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.5}, "m v"),
    "adamw": (Adam, {"weight_decay": 0.1, "decoupled": True}, "m v"),
    "nadam": (Nadam, {}, "m v"),
    "nadam, other settings": (Nadam, {"beta1": 0.8, "momentum_decay": 0.1, "weight_decay": 0.2}, "m v"),
    "lion": (Lion, {}, "m"),
    "lion, decay": (Lion, {"beta1": 0.8, "beta2": 0.95, "weight_decay": 0.5}, "m"),
    "rmsprop": (RMSprop, {}, "v"),
    "rmsprop, momentum": (RMSprop, {"momentum": 0.8, "epsilon": 1e-3}, "v buffer"),
    "rmsprop, centered": (RMSprop, {"rho": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}, "v mean"),
    "rmsprop, both": (RMSprop, {"rho": 0.9, "epsilon": 1e-2, "momentum": 0.5}, "v mean buffer"),
    "adagrad": (Adagrad, {}, "v"),
    "adagrad, decay": (Adagrad, {"weight_decay": 0.1, "epsilon": 1e-2}, "v"),
    "adadelta": (Adadelta, {}, "v u"),
    "adadelta, other settings": (Adadelta, {"rho": 0.8, "epsilon": 1e-3, "weight_decay": 0.1}, "v u"),
    "rprop": (Rprop, {}, "before size"),
    "rprop, other settings": (Rprop, {"shrink": 0.3, "grow": 1.5, "smallest": 0.01, "largest": 0.1}, "before size"),
}
every_optimizer = pytest.mark.parametrize("name", SETTINGS)


def make(name: str, p: Tensor, g: Tensor, start: Callable[[int], ArrayLike]) -> tuple[Op, dict[str, Tensor]]:
    """The Op and its slots, which begin with start(0), start(1) and so on."""
    optimizer, settings, slots = SETTINGS[name]
    state = {slot: tensor(start(i)) for i, slot in enumerate(slots.split())}
    return optimizer(p, g, **state, **settings), state


class Descent:
    """Steps of an optimizer on f(p) = sum log cosh p, whose gradient is tanh p, and the same in float64."""

    def __init__(self, name: str, start: np.ndarray) -> None:
        self.optimizer, self.settings, _ = SETTINGS[name]
        self.start = start.reshape(1, -1)
        parameters, gradients = tensor(self.start), empty(*self.start.shape)
        self.op, self.slots = make(name, parameters, gradients, lambda i: np.zeros(self.start.shape))
        self.tensors = [parameters, *self.slots.values()]
        self.plan = Plan([Activation(parameters, gradients, "tanh"), self.op])
        self.expected = [reference.double(tensor.array) for tensor in self.tensors]

    def run(self, rates: np.ndarray, update: int = 0) -> None:
        self.plan.run(len(rates), 1, rates=rates, update=update, pause=60)
        twin = getattr(reference_updates, self.optimizer.__name__)
        settings = dict(self.settings)
        for i, rate in enumerate(rates):
            if issubclass(self.optimizer, Adam):
                settings["update"] = update + i
            p, *slots = self.expected
            after = twin(p, np.tanh(p), **dict(zip(self.slots, slots, strict=True)), rate=rate, **settings)
            self.expected = list(after[: len(self.expected)])

    def check(self, tolerance: float) -> None:
        for actual, expected in zip(self.tensors, self.expected, strict=True):
            assert_close(actual.array, expected, tolerance=tolerance)


# Steps before rounding decides: over a sign near 0, or over g / sqrt(v) where both vanish. And other rates.
STEPS = {Lion: 15, Rprop: 15, Nadam: 50, RMSprop: 60}
FASTER = {"adagrad": 10, "adagrad, decay": 10, "adadelta": 50}


@every_optimizer
def test_many_steps(isa: str, name: str) -> None:
    descent = Descent(name, normal(1001))
    descent.run(np.linspace(0.02, 0.01, STEPS.get(descent.optimizer, 200)) * FASTER.get(name, 1))
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
    for n in TAILS:
        p = tensor(normal(n))
        op, slots = make(name, p, tensor(normal(n)), lambda i, n=n: np.abs(normal(n)))
        run(op, p, *slots.values(), rows=1, rates=np.array([0.1]))  # whatever the rows, all of the range


@every_optimizer
def test_padding_stays_zero(isa: str, name: str) -> None:
    """Where parameter and gradient are 0, so is all that is remembered: between tensors, and after the last."""
    p, g = (tensor(np.where(np.arange(100) % 10 < 5, normal(100, start=i), 0)) for i in range(2))
    op, slots = make(name, p, g, lambda i: np.zeros(100))
    Plan([op]).run(5, 1, rates=np.full(5, 0.1), pause=60)
    for part in (p, *slots.values()):
        assert (part.array.reshape(10, 10)[:, 5:] == 0).all() and part.array.any()


@pytest.mark.parametrize("name", ["adam", "adamw", "nadam"])
def test_early_updates(isa: str, name: str) -> None:
    """Each single step from rest: the bias corrections of the first updates, and of late ones."""
    for update in (0, 1, 2, 9, 99, 10**4, 10**7):
        descent = Descent(name, normal(50))
        descent.run(np.array([0.1]), update)
        descent.check(1e-5)


@pytest.mark.parametrize("name", ["adam", "nadam"])
def test_counters_that_go_back(isa: str, name: str) -> None:
    """As where a network is put back to an earlier step: an op keeps nothing of the updates that it made."""
    descent, other = Descent(name, normal(50)), Descent(name, normal(50))
    descent.run(np.full(20, 0.01))
    for part, start in zip(descent.tensors, other.tensors, strict=True):
        part.array[...] = start.array
    for one in (descent, other):
        one.plan.run(1, 1, rates=np.array([0.1]), update=7)
    assert (descent.tensors[0].array == other.tensors[0].array).all()


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
    op = Adam(p, tensor(zeros), tensor(zeros), tensor(zeros), weight_decay=0.01, decoupled=True)
    Plan([op]).run(20_000, 1, rates=np.full(20_000, 1e-3), pause=60)
    assert_close(1 - p.array, np.full((1, 8), 1 - (1 - 1e-5) ** 20_000), tolerance=5e-3)


@every_optimizer
def test_same_bits_on_threads(isa: str, name: str) -> None:
    def build() -> tuple[Op, *tuple[Tensor, ...]]:
        p = tensor(normal(FOUR) ** 2)
        op, slots = make(name, p, tensor(normal(FOUR)), lambda i: normal(FOUR, start=1 + i) ** 2)
        return op, p, *slots.values()

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


@pytest.mark.parametrize("name", SETTINGS)
def test_a_factor_of_the_rate(isa: str, name: str) -> None:
    """The same bits as with a rate that is that much lower, decoupled decay included."""
    scaled, other = Descent(name, normal(50)), Descent(name, normal(50))
    scaled.op.factor = 0.25
    scaled.run(np.array([0.1, 0.2]))
    other.run(np.array([0.025, 0.05]))
    for one, wanted in zip(scaled.tensors, other.tensors, strict=True):
        assert (one.array == wanted.array).all()


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
        with pytest.raises(ValueError, match="SGD: velocity and momentum go together"):
            SGD(*arguments, **settings)
    with pytest.raises(ValueError, match="RMSprop: buffer and momentum go together"):
        RMSprop(x, x, x, momentum=0.9)
    for optimizer, settings, slots in SETTINGS.values():
        for i in range(2 + len(slots.split())):
            for wrong, error in ((other, ValueError), (whole, TypeError)):
                arguments = [x] * (2 + len(slots.split()))
                arguments[i] = wrong
                with pytest.raises(error):
                    optimizer(*arguments[:2], **dict(zip(slots.split(), arguments[2:], strict=True)), **settings)
