"""Another scale: one pass."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Rescale
from ops import filled


def test_rescale(benchmark: Any) -> None:
    benchmark(Rescale(filled(1024, 1024), Tensor((1024, 1024)), scale=1 / 255))
