"""Dropout against its twin: the very same mask, wherever it is computed."""

import numpy as np
import pytest

import reference
from check import TAILS, assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Dropout

# Elements enough for two threads, and for four.
TWO, FOUR = 46_000, 100_000
SEED = 0xFEDCBA9876543210


def test_dropout(isa: str, num_threads: int) -> None:
    for columns in TAILS:
        rows = 3 if num_threads == 1 else TWO // columns + columns
        if num_threads == 2 and columns % 5:
            continue  # the twin is slow, and a share of a thread is always whole groups of 64
        x, y = normal(rows, columns), empty(rows + columns % 3, columns)
        settings = {"rate": columns / 100, "seed": SEED + columns, "stream": columns}
        run(Dropout(tensor(x, y.rows), y, **settings), y, rows=rows, step=columns << 32)
        expected = reference.Dropout(x, **settings, step=columns << 32)
        assert ((written(y, rows) == 0) == (expected == 0)).all()
        assert_close(written(y, rows), expected, np.abs(expected), 1.2e-7)


def test_same_bits_on_threads(isa: str) -> None:
    def build() -> tuple[Dropout, Tensor]:
        y = empty(FOUR + 5)
        return Dropout(tensor(normal(FOUR + 5)), y, rate=0.3, seed=1, stream=2), y

    assert_same_on_threads(build)


def mask(*, rate: float = 0.5, seed: int = 1, stream: int = 2, step: int = 0, n: int = 100_000) -> np.ndarray:
    x, y = Tensor((1, n)), Tensor((1, n))
    x.array[...] = 1
    Plan([Dropout(x, y, rate=rate, seed=seed, stream=stream)]).run(1, 1, step=step)
    return y.array != 0


def test_mask_depends_on_seed_stream_and_step() -> None:
    masks = [mask(), mask(seed=2), mask(seed=2**32 + 1), mask(stream=3), mask(step=1), mask(step=2**32)]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert abs((a == b).mean() - 0.5) < 0.01  # independent coins
    assert_same_bits(mask(), masks[0])
    assert_same_bits(mask(n=1000), masks[0][:, :1000])


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 1 - 1e-12])
def test_rate(isa: str, rate: float) -> None:
    kept = mask(rate=rate).mean()
    assert abs(kept - (1 - rate)) <= 5 * np.sqrt(rate * (1 - rate) / 100_000)  # five standard deviations
    x, y = tensor([[1.0, -0.0, np.inf, np.nan, -3.0]]), empty(1, 5)
    run(Dropout(x, y, rate=0.0, seed=1, stream=2), y)
    assert_same_bits(y.array, x.array)


def test_gradient_is_the_same_op(isa: str) -> None:
    """Where a run's step is the same, the mask is: dx = dy / (1 - rate) on what was kept."""
    x, dy, y, dx = tensor(np.ones((7, 30))), tensor(np.ones((7, 30))), empty(7, 30), empty(7, 30)
    settings = {"rate": 0.4, "seed": 3, "stream": 5}
    plan = Plan([Dropout(x, y, **settings), Dropout(dy, dx, **settings)])
    before = None
    for step in (0, 1):
        plan.run(7, 7, step=step)
        assert_same_bits(dx.array, y.array)
        assert before is None or (before != y.array).any()
        before = y.array.copy()


def test_steps_of_a_run_are_counted(isa: str) -> None:
    x, y = tensor(np.ones((4, 30))), empty(4, 30)
    settings = {"rate": 0.4, "seed": 3, "stream": 5}
    Plan([Dropout(x, y, **settings)]).run(10, 4, step=7, pause=60)
    expected = reference.Dropout(x.array, **settings, step=9).astype(np.float32)
    expected[2:] = reference.Dropout(x.array, **settings, step=8)[2:]  # the last batch has two rows
    assert_same_bits(y.array, expected)


def test_in_place(isa: str) -> None:
    x = normal(9, 31)
    y = tensor(x)
    run(Dropout(y, y, rate=0.5, seed=1, stream=1), y)
    assert_close(y.array, reference.Dropout(x, rate=0.5, seed=1, stream=1))


def test_arguments_are_checked() -> None:
    x, settings = Tensor((4, 3)), {"seed": 0, "stream": 0}
    for rate in (-0.1, 1.0, 2.0, np.nan):
        with pytest.raises(ValueError, match="Dropout: the rate must be at least 0 and below 1"):
            Dropout(x, x, rate=rate, **settings)
    with pytest.raises(ValueError, match="Dropout: expected equal shapes"):
        Dropout(x, Tensor((4, 2)), rate=0.5, **settings)
    with pytest.raises(TypeError, match="float32"):
        Dropout(x, Tensor((4, 3), "int32"), rate=0.5, **settings)
    for wrong in ({"seed": -1, "stream": 0}, {"seed": 2**64, "stream": 0}, {"seed": 0, "stream": 2**32}):
        with pytest.raises(OverflowError):
            Dropout(x, x, rate=0.5, **wrong)
