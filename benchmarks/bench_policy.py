"""Losses of policies."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import GaussianPolicyGradient, PolicyGradient
from ops import filled


def target(rows: int, columns: int) -> Tensor:
    """Of the first action."""
    tensor = filled(rows, columns)
    tensor.array[:, 0] = 0
    return tensor


@pytest.mark.parametrize("shape", [(64, 2), (512, 6), (512, 64)])
def test_policy_gradient(benchmark: Any, shape: tuple[int, int]) -> None:
    benchmark(PolicyGradient(filled(*shape), target(shape[0], 3), Tensor(shape), Tensor(shape), entropy=0.01))


@pytest.mark.parametrize("shape", [(64, 2), (512, 12)])
def test_gaussian_policy_gradient(benchmark: Any, shape: tuple[int, int]) -> None:
    rows, columns = shape
    benchmark(GaussianPolicyGradient(filled(*shape), target(rows, columns // 2 + 2), Tensor(shape), entropy=0.01))
