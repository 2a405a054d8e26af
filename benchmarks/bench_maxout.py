"""Maxout and its gradient."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Maxout, MaxoutGradient
from ops import filled


def test_maxout(benchmark: Any) -> None:
    benchmark(Maxout(filled(128, 4 * 256), Tensor((128, 256))))


def test_gradient(benchmark: Any) -> None:
    benchmark(MaxoutGradient(filled(128, 4 * 256), filled(128, 256), filled(128, 256), Tensor((128, 4 * 256))))
