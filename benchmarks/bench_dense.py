"""The products: forward, packed, and both gradients; tiny, single rows, and large."""

from typing import Any

import pytest

from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Dense, DenseInputGradient, DenseWeightGradient, Packed
from ops import filled

SHAPES = [(16, 16, 16), (32, 64, 100), (1, 784, 128), (128, 256, 10), (128, 784, 512), (1024, 1024, 1024)]


@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
@pytest.mark.parametrize("kind", ["forward", "packed", "input", "weight"])
def test_dense(benchmark: Any, kind: str, m: int, k: int, n: int) -> None:
    x, weight, bias, y = filled(m, k), filled(k, n), filled(n), filled(m, n)
    op: Op
    if kind == "input":
        op = DenseInputGradient(y, weight, Tensor((m, k)), "relu", x)
    elif kind == "weight":
        op = DenseWeightGradient(x, y, Tensor((k, n)), Tensor((n,)))
    else:
        op = Dense(x, Packed(weight) if kind == "packed" else weight, bias, y, "relu")
    benchmark(op)
