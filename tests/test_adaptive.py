"""What the updates with a rate for each parameter do in particular; against their twins: test_optimizer.py."""

import numpy as np
import pytest

from check import assert_close, normal, tensor
from fastnn.engine.plan import Plan
from fastnn.kernels import Adadelta, Adagrad, RMSprop, Rprop


def test_rprop_by_hand(isa: str) -> None:
    """The size grows, shrinks where the sign changes, and that step is left out; it stays within its bounds."""
    p, g = tensor(np.zeros(1)), tensor(np.zeros(1))
    before, size = tensor(np.zeros(1)), tensor(np.zeros(1))
    plan = Plan([Rprop(p, g, before, size, smallest=0.04, largest=0.13)])
    for gradient, position, step in (
        (0, 0, 0),  # not initialized
        (3, -0.1, 0.1),
        (1, -0.22, 0.12),
        (9, -0.35, 0.13),
        (-2, -0.35, 0.065),
        (-2, -0.285, 0.065),
        (1, -0.285, 0.04),
        (0, -0.285, 0.04),
        (1e-30, -0.325, 0.04),
        (1e-30, -0.373, 0.048),  # the product of the gradients is 0 in float32, that of their signs is not
    ):
        g.array[...] = gradient
        plan.run(1, 1, rates=np.array([0.1]))
        assert_close(p.array, [position], scale=1)
        assert_close(size.array, [step], scale=1)


def test_a_spread_below_nothing(isa: str) -> None:
    """v - mean^2 of a constant gradient rounds to either side of 0; its root must not be NaN."""
    p, g = tensor(np.zeros(200)), tensor(normal(200))
    v, mean = tensor(g.array**2 * np.float32(1 - 3e-7)), tensor(g.array)
    op = RMSprop(p, g, v, mean, epsilon=1e-3)
    Plan([op]).run(100, 1, rates=np.full(100, 1e-6), pause=60)
    assert np.isfinite(p.array).all() and p.array.all()


@pytest.mark.parametrize("optimizer", [Adagrad, RMSprop])
def test_long_memories(isa: str, optimizer: type) -> None:
    """A thousand steps along a constant gradient: the length that the formula says."""
    p, v = tensor(np.zeros(8)), tensor(np.zeros(8))
    op = optimizer(p, tensor(np.full(8, 0.01)), v)
    Plan([op]).run(1000, 1, rates=np.full(1000, 1e-3), pause=60)
    t = np.arange(1, 1001)
    lengths = 1 / np.sqrt(t) if optimizer is Adagrad else 1 / np.sqrt(1 - 0.99**t)
    assert_close(p.array, np.full(8, -1e-3 * lengths.sum()), tolerance=1e-4)


def test_adadelta_has_no_unit(isa: str) -> None:
    """Gradients a thousand times as large give the same steps, once epsilon counts for nothing."""
    ends = []
    for scale in (1, 1000):
        p, v, u = (tensor(np.zeros(8)) for _ in range(3))
        op = Adadelta(p, tensor(np.full(8, scale)), v, u)
        Plan([op]).run(50, 1, rates=np.ones(50), pause=60)
        ends.append(p.array.copy())
    assert_close(ends[1], ends[0], tolerance=1e-4)
