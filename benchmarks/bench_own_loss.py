"""A loss in Python, and its own NumPy work."""

from typing import Any

import numpy as np
import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import OwnLoss
from ops import filled

SHAPES = [(16, 2), (128, 10)]


def squares(y: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean of (y - t)^2, and its gradient."""
    d = y - t
    return float(np.vdot(d, d)) / d.size, d * np.float32(2 / d.size)


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_own_loss(benchmark: Any, rows: int, columns: int) -> None:
    x, target, dx = filled(rows, columns), filled(rows, columns, seed=1), Tensor((rows, columns))
    benchmark(OwnLoss(x, target, dx, function=squares, name="squares", finite=True))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_its_numpy_work(benchmark: Any, rows: int, columns: int) -> None:
    benchmark(squares, filled(rows, columns).array, filled(rows, columns, seed=1).array)
