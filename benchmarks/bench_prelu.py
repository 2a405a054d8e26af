"""PReLU and its gradients."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import PReLU, PReLUGradient
from ops import filled

SHAPES = [(16, 16), (128, 512)]


@pytest.mark.parametrize("shape", SHAPES)
def test_prelu(benchmark: Any, shape: tuple[int, int]) -> None:
    benchmark(PReLU(filled(*shape), filled(shape[1]), Tensor(shape)))


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(benchmark: Any, shape: tuple[int, int]) -> None:
    x, dy, slope = filled(*shape), filled(*shape, seed=1), filled(shape[1])
    benchmark(PReLUGradient(x, slope, dy, Tensor(shape), Tensor(slope.shape)))
