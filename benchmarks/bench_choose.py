"""One element of each row, and its gradient."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Choose, ChooseGradient
from ops import filled

SHAPES = [(64, 4), (512, 18)]


@pytest.mark.parametrize("shape", SHAPES)
def test_choose(benchmark: Any, shape: tuple[int, int]) -> None:
    benchmark(Choose(filled(*shape), Tensor((shape[0], 1), "int32"), Tensor((shape[0], 1))))


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(benchmark: Any, shape: tuple[int, int]) -> None:
    benchmark(ChooseGradient(filled(shape[0], 1), Tensor((shape[0], 1), "int32"), Tensor(shape)))
