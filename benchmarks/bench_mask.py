"""Masks of legal actions."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Mask, MaskGradient
from ops import filled

SHAPE = 128, 82


def test_mask(benchmark: Any) -> None:
    benchmark(Mask(filled(*SHAPE), filled(*SHAPE, seed=1), Tensor(SHAPE)))


def test_mask_gradient(benchmark: Any) -> None:
    benchmark(MaskGradient(filled(*SHAPE), filled(*SHAPE, seed=1), Tensor(SHAPE)))
