"""What the way through time costs in addition to the products: a simple RNN of one unit, and of many."""

from typing import Any

import pytest

from bench_steps import ROWS, TIMES, full
from fastnn.engine.tensor import Tensor
from fastnn.kernels import RNN
from ops import filled


@pytest.mark.parametrize("units", [1, 32, 256])
def test_simple_rnn(benchmark: Any, units: int) -> None:
    z, weight = filled(ROWS * TIMES, units), filled(units, units)
    benchmark(RNN(z, weight, full(), Tensor((ROWS, units)), last_h=Tensor((ROWS, units))))
