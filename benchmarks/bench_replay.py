"""Adding steps to a replay memory, drawing them, and their priorities."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Prioritize, Sample

ROWS = 32


def memory(shape: tuple[int, ...], dtype: str, priority: fnn.rl.Priority | None = None) -> fnn.rl.Replay:
    made = fnn.rl.Replay(10_000, shape, 4, dtype, priority=priority, seed=0)
    s = np.random.default_rng(0).integers(0, 2, (1001, *shape)).astype(dtype)
    for i in range(1000):
        made.add(s[i], i % 4, 1.0, s[i + 1], terminated=i % 100 == 99)
    return made


def sample(held: fnn.rl.Replay) -> Sample:
    size = int(np.prod(held.shape))
    weight = Tensor((ROWS, 1)) if held.priority else None
    action = Tensor((ROWS, 1), "int32")
    return Sample(
        held, Tensor((ROWS, size)), Tensor((ROWS, size)), action, Tensor((ROWS, 1)), Tensor((ROWS, 1)), weight
    )


@pytest.mark.parametrize(("shape", "dtype"), [((4,), "float32"), ((10, 10, 4), "uint8")])
def test_add(benchmark: Any, shape: tuple[int, ...], dtype: str) -> None:
    held, s = memory(shape, dtype), np.zeros(shape, dtype)
    benchmark(lambda: held.add(s, 1, 1.0, s, False, False))


@pytest.mark.parametrize(("shape", "dtype"), [((4,), "float32"), ((10, 10, 4), "uint8")])
@pytest.mark.parametrize("priority", [None, fnn.rl.Priority()])
def test_sample(benchmark: Any, shape: tuple[int, ...], dtype: str, priority: fnn.rl.Priority | None) -> None:
    benchmark(sample(memory(shape, dtype, priority)))


def test_prioritize(benchmark: Any) -> None:
    drawn = sample(memory((4,), "float32", fnn.rl.Priority()))
    drawn()
    benchmark(Prioritize(drawn, Tensor((ROWS, 1)), Tensor((ROWS, 1))))
