"""Group normalization of images, and its gradients."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import GroupNorm, GroupNormGradient
from ops import filled

#: Images, pixels, channels.
SHAPES = [(32, 16 * 16, 32), (32, 8 * 8, 128)]
SETTINGS: dict[str, Any] = {"groups": 8, "epsilon": 1e-5}


@pytest.mark.parametrize("shape", SHAPES)
def test_group_norm(benchmark: Any, shape: tuple[int, int, int]) -> None:
    rows, _, n = shape
    benchmark(GroupNorm(filled(*shape), filled(n), filled(n), Tensor((rows, 2 * n)), Tensor(shape), **SETTINGS))


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(benchmark: Any, shape: tuple[int, int, int]) -> None:
    rows, _, n = shape
    moments = filled(rows, 2 * n)
    moments.array[...] = abs(moments.array)
    given = filled(*shape), filled(*shape, seed=1), moments, filled(n)
    benchmark(GroupNormGradient(*given, Tensor(shape), Tensor((n,)), Tensor((n,)), **SETTINGS))
