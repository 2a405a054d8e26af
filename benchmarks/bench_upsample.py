"""Larger images and their gradients; the nearest pixel is by the ops of pooling."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import AveragePool, AveragePoolGradient, Bilinear, BilinearGradient
from fastnn.kernels.axis import Axis
from ops import filled

SMALL, LARGE = (32, 16, 16, 64), (32, 32, 32, 64)
AXES = Axis(32, 2, 2), Axis(32, 2, 2)


def test_nearest(benchmark: Any) -> None:
    benchmark(AveragePoolGradient(filled(*SMALL), Tensor(LARGE), *AXES, mean=False))


def test_nearest_gradient(benchmark: Any) -> None:
    benchmark(AveragePool(filled(*LARGE), Tensor(SMALL), *AXES, mean=False))


def test_bilinear(benchmark: Any) -> None:
    benchmark(Bilinear(filled(*SMALL), Tensor(LARGE), (16, 16), (2, 2)))


def test_bilinear_gradient(benchmark: Any) -> None:
    benchmark(BilinearGradient(filled(*LARGE), Tensor(SMALL), (16, 16), (2, 2)))
