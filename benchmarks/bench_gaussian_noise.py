"""Normal noise, drawn by counter."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import GaussianNoise
from ops import filled


@pytest.mark.parametrize("shape", [(16, 16), (128, 512)])
def test_gaussian_noise(benchmark: Any, shape: tuple[int, int]) -> None:
    benchmark(GaussianNoise(filled(*shape), Tensor(shape), stddev=0.1, seed=0, stream=0))
