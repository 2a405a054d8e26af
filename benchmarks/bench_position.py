"""Numbers that are added to each step, and their gradient."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import AddPositions, PositionsGradient
from ops import filled

ROWS, TIMES, COLUMNS = 32, 64, 128


def test_add(benchmark: Any) -> None:
    x = filled(ROWS, TIMES * COLUMNS)
    benchmark(AddPositions(x, filled(TIMES, COLUMNS), Tensor(x.shape)))


def test_gradient(benchmark: Any) -> None:
    benchmark(PositionsGradient(filled(ROWS, TIMES * COLUMNS), Tensor((TIMES, COLUMNS))))
