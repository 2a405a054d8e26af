"""Sums, products and parts side by side."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Add, Concatenate, Multiply, Subtract
from ops import filled

SIZES = [16, 4096, 262144]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("op", [Add, Subtract, Multiply], ids=lambda op: op.__name__)
def test_pair(benchmark: Any, op: type[Add] | type[Subtract] | type[Multiply], n: int) -> None:
    benchmark(op(filled(n), filled(n, seed=1), Tensor((n,))))


@pytest.mark.parametrize("columns", [4, 64, 1024])
def test_concatenate(benchmark: Any, columns: int) -> None:
    benchmark(Concatenate(Tensor((128, 2 * columns)), filled(128, columns), filled(128, columns, seed=1)))
