"""Axes in another order: channels first, and the transpose of sequences."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Permute
from ops import filled


def test_channels_first(benchmark: Any) -> None:
    benchmark(Permute(filled(32, 32, 32, 64), Tensor((32, 64, 32, 32)), (32, 32, 64), (2, 0, 1)))


def test_transpose(benchmark: Any) -> None:
    benchmark(Permute(filled(64, 100, 128), Tensor((64, 128, 100)), (100, 128), (1, 0)))


def test_rows(benchmark: Any) -> None:
    benchmark(Permute(filled(64, 20, 10, 64), Tensor((64, 10, 20, 64)), (20, 10, 64), (1, 0, 2)))
