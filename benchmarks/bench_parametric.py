"""Activations with settings."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import PARAMETRIC, Parametric, ParametricGradient
from ops import filled

SIZE = 4096


@pytest.mark.parametrize("function", PARAMETRIC)
def test_parametric(benchmark: Any, function: str) -> None:
    benchmark(Parametric(filled(SIZE), Tensor((SIZE,)), function=function, first=0.2, second=0.5))


@pytest.mark.parametrize("function", PARAMETRIC)
def test_gradient(benchmark: Any, function: str) -> None:
    dx = Tensor((SIZE,))
    benchmark(ParametricGradient(filled(SIZE), filled(SIZE, seed=1), dx, function=function, first=0.2, second=0.5))
