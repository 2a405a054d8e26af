"""The updates, each one pass over flat blocks: as many parameters as the networks of the table have."""

from typing import Any

import pytest

from fastnn.kernels import SGD, Adam
from fastnn.op import Op
from fastnn.tensor import Tensor
from ops import filled


@pytest.mark.parametrize("n", [368, 7536, 535824])
@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_update(benchmark: Any, name: str, n: int) -> None:
    p, g, m, v = filled(n), filled(n, seed=1), Tensor((n,)), Tensor((n,))
    op: Op
    if name == "sgd":
        op = SGD(p, g)
    elif name == "momentum":
        op = SGD(p, g, v, momentum=0.9)
    else:
        op = Adam(p, g, m, v, weight_decay=0.01 if name == "adamw" else 0.0)
    benchmark(op)
