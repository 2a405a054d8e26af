"""Batch normalization: the statistics, the normalization, and the gradients."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import BatchNorm, BatchNormInputGradient, BatchNormMoments, BatchNormWeightGradient
from ops import filled

SHAPES = [(64, 256), (4096, 64)]


def positive(n: int) -> Tensor:
    tensor = filled(n)
    tensor.array[...] = tensor.array**2 + 0.1
    return tensor


@pytest.mark.parametrize("shape", SHAPES)
def test_moments(benchmark: Any, shape: tuple[int, int]) -> None:
    benchmark(BatchNormMoments(filled(*shape), filled(shape[1]), filled(shape[1])))


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm(benchmark: Any, shape: tuple[int, int]) -> None:
    n = shape[1]
    benchmark(BatchNorm(filled(*shape), filled(n), positive(n), filled(n), filled(n), Tensor(shape), epsilon=1e-5))


@pytest.mark.parametrize("shape", SHAPES)
def test_weight_gradient(benchmark: Any, shape: tuple[int, int]) -> None:
    n = shape[1]
    sums = [Tensor((n,)) for _ in range(4)]
    benchmark(BatchNormWeightGradient(filled(*shape), filled(*shape), filled(n), positive(n), *sums, epsilon=1e-5))


@pytest.mark.parametrize("shape", SHAPES)
def test_input_gradient(benchmark: Any, shape: tuple[int, int]) -> None:
    x, n, (shift, slope, gamma) = filled(*shape), shape[1], (filled(shape[1], seed=i) for i in range(3))
    given = x, filled(*shape), filled(n), positive(n)
    benchmark(BatchNormInputGradient(*given, shift, slope, gamma, Tensor(shape), epsilon=1e-5))
