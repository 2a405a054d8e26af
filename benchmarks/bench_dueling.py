"""Values of actions from a value and advantages."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Dueling, DuelingGradient
from ops import filled


@pytest.mark.parametrize("actions", [2, 18])
def test_dueling(benchmark: Any, actions: int) -> None:
    benchmark(Dueling(filled(64, 1 + actions), Tensor((64, actions))))


@pytest.mark.parametrize("actions", [2, 18])
def test_dueling_gradient(benchmark: Any, actions: int) -> None:
    benchmark(DuelingGradient(filled(64, actions), Tensor((64, 1 + actions))))
