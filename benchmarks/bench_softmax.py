"""Softmax and its gradient."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Softmax, SoftmaxGradient
from ops import filled

SHAPES = [(16, 2), (128, 10), (128, 1000)]


@pytest.mark.parametrize("shape", SHAPES)
def test_softmax(benchmark: Any, shape: tuple[int, int]) -> None:
    benchmark(Softmax(filled(*shape), Tensor(shape)))


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(benchmark: Any, shape: tuple[int, int]) -> None:
    benchmark(SoftmaxGradient(filled(*shape), filled(*shape, seed=1), Tensor(shape)))
