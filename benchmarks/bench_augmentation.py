"""Augmentation of a batch of small images, and the random numbers that it needs."""

from typing import Any

import numpy as np
import pytest

from fastnn import kernels
from fastnn.engine.tensor import Tensor
from ops import filled

SHAPES = [(28, 28, 1), (32, 32, 3)]
SETTINGS: dict[str, dict[str, Any]] = {
    "FlipShift": {"pixels": (4, 4)},
    "Rotate": {"degrees": 15.0},
    "Brightness": {"amount": 0.2},
    "Contrast": {"amount": 0.2},
    "Cutout": {"side": 8},
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SETTINGS)
def test_augmentation(benchmark: Any, name: str, shape: tuple[int, int, int]) -> None:
    size, u = int(np.prod(shape)), Tensor((64, 2 if name in ("FlipShift", "Cutout") else 1))
    u.array[...] = np.random.default_rng(0).random(u.shape, np.float32)
    benchmark(getattr(kernels, name)(filled(64, size), u, Tensor((64, size)), shape=shape, **SETTINGS[name]))


def test_uniform(benchmark: Any) -> None:
    benchmark(kernels.Uniform(Tensor((64, 2)), seed=0, stream=0))
