"""What a layer in Python costs on top of its own work: a function that returns an existing array."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import PythonBackward, PythonForward
from ops import filled


@pytest.mark.parametrize("shape", [(1, 16), (64, 256)])
def test_forward(benchmark: Any, shape: tuple[int, int]) -> None:
    result = filled(*shape).array
    features = shape[1:]
    benchmark(PythonForward(lambda x: result, filled(*shape), Tensor(shape), features, features, finite=True))


@pytest.mark.parametrize("shape", [(1, 16), (64, 256)])
def test_backward(benchmark: Any, shape: tuple[int, int]) -> None:
    result, gradient = filled(*shape).array, filled(shape[1]).array
    features = shape[1:]
    given = filled(*shape), Tensor(shape), features, features, {"scale": Tensor(features)}
    benchmark(PythonBackward(lambda dy: (result, {"scale": gradient}), *given, finite=True))
