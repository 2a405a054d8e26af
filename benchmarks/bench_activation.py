"""Activations and their derivatives where no product precedes them."""

from typing import Any

import pytest

from fastnn.kernels import ACTIVATIONS, Activation, ActivationGradient
from fastnn.tensor import Tensor
from ops import filled

SHAPES = [(16, 16), (128, 512)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation(benchmark: Any, activation: str, shape: tuple[int, int]) -> None:
    benchmark(Activation(filled(*shape), Tensor(shape), activation))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient(benchmark: Any, activation: str, shape: tuple[int, int]) -> None:
    benchmark(ActivationGradient(filled(*shape), filled(*shape, seed=1), Tensor(shape), activation))
