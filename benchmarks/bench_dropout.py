"""Dropout: a mask drawn by counter."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Dropout
from ops import filled


@pytest.mark.parametrize("shape", [(16, 16), (128, 512)])
def test_dropout(benchmark: Any, shape: tuple[int, int]) -> None:
    benchmark(Dropout(filled(*shape), Tensor(shape), rate=0.5, seed=0, stream=0))
