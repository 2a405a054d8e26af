"""Convolution of 3x3 taps by Winograd's algorithm: the same cases as bench_convolution."""

from typing import Any

from bench_convolution import PIXELS, SAME
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Winograd, WinogradFilter, WinogradWeightGradient
from ops import filled


def test_forward(benchmark: Any) -> None:
    maps = filled(16, PIXELS * 64), filled(3, 3, 64, 64), filled(64), Tensor((16, PIXELS * 64))
    benchmark(Winograd(*maps, SAME, SAME))


def test_weight_gradient(benchmark: Any) -> None:
    maps = filled(16, PIXELS * 64), filled(16, PIXELS * 64), Tensor((3, 3, 64, 64))
    benchmark(WinogradWeightGradient(*maps, SAME, SAME))


def test_filter(benchmark: Any) -> None:
    benchmark(WinogradFilter(filled(3, 3, 64, 64), SAME, SAME))
