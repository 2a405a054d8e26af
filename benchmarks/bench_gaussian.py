"""The Gaussian likelihood."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Gaussian
from ops import filled


@pytest.mark.parametrize("shape", [(32, 2), (512, 16)])
def test_gaussian(benchmark: Any, shape: tuple[int, int]) -> None:
    rows, columns = shape
    benchmark(Gaussian(filled(rows, columns), filled(rows, columns // 2, seed=1), Tensor(shape)))
