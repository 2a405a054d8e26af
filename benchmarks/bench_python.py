"""What a layer in Python costs on top of its own work: a function that returns an existing array."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import PythonBackward, PythonForward
from ops import filled


@pytest.mark.parametrize("shape", [(1, 16), (64, 256)])
def test_forward(benchmark: Any, shape: tuple[int, int]) -> None:
    result = filled(*shape).array
    shapes: dict[str, Any] = {"features": shape[1:], "output": shape[1:]}
    benchmark(PythonForward(lambda x: result, Tensor(shape), filled(*shape), **shapes, finite=True))


@pytest.mark.parametrize("shape", [(1, 16), (64, 256)])
def test_backward(benchmark: Any, shape: tuple[int, int]) -> None:
    result, gradient = filled(*shape).array, filled(shape[1]).array
    options: dict[str, Any] = {
        "features": shape[1:],
        "output": shape[1:],
        "gradients": {"scale": Tensor(shape[1:])},
        "finite": True,
    }
    benchmark(PythonBackward(lambda dy: (result, {"scale": gradient}), filled(*shape), Tensor(shape), **options))
