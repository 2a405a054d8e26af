"""Borders added, and cut off."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Pad
from fastnn.kernels.axis import Axis
from ops import filled

SMALL, LARGE = (32, 32, 32, 64), (32, 34, 34, 64)


def test_pad(benchmark: Any) -> None:
    axis = Axis(32, before=1, after=1)
    benchmark(Pad(filled(*SMALL), Tensor(LARGE), axis, axis))


def test_crop(benchmark: Any) -> None:
    axis = Axis(34, before=-1, after=-1)
    benchmark(Pad(filled(*LARGE), Tensor(SMALL), axis, axis))
