"""Layer normalization and its gradients."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import LayerNorm, LayerNormInputGradient, LayerNormWeightGradient
from ops import filled

SHAPES = [(64, 256), (4096, 64)]


@pytest.mark.parametrize("shape", SHAPES)
def test_layer_norm(benchmark: Any, shape: tuple[int, int]) -> None:
    given = filled(*shape), filled(shape[1]), filled(shape[1])
    benchmark(LayerNorm(*given, Tensor((shape[0], 2)), Tensor(shape), epsilon=1e-5))


@pytest.mark.parametrize("shape", SHAPES)
def test_weight_gradient(benchmark: Any, shape: tuple[int, int]) -> None:
    given = filled(*shape), filled(*shape), filled(shape[0], 2)
    benchmark(LayerNormWeightGradient(*given, Tensor((shape[1],)), Tensor((shape[1],))))


@pytest.mark.parametrize("shape", SHAPES)
def test_input_gradient(benchmark: Any, shape: tuple[int, int]) -> None:
    given = filled(*shape), filled(*shape), filled(shape[0], 2)
    benchmark(LayerNormInputGradient(*given, filled(shape[1]), Tensor(shape)))
