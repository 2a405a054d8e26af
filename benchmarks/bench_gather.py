"""Rows of users' arrays into a plan, in an order, and out of it."""

from typing import Any

import numpy as np
import pytest

from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Gather, GatherLabels, Scatter
from ops import filled

SHAPES = [(16, 2), (128, 784)]
SAMPLES = 4096


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_gather(benchmark: Any, dtype: str, rows: int, columns: int) -> None:
    port = Port("x", columns)
    plan = Plan([Gather(port, Tensor((rows, columns)))], [port])
    port.attach(np.ones((SAMPLES, columns), dtype))
    order = np.random.default_rng(0).permutation(SAMPLES)
    benchmark(lambda: plan.run(rows, rows, 0, order))


@pytest.mark.parametrize("rows", [16, 128])
def test_labels(benchmark: Any, rows: int) -> None:
    port = Port("y", 1)
    plan = Plan([GatherLabels(port, Tensor((rows,), "int32"), classes=10)], [port])
    port.attach(np.zeros(SAMPLES, np.int64))
    order = np.random.default_rng(0).permutation(SAMPLES)
    benchmark(lambda: plan.run(rows, rows, 0, order))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_scatter(benchmark: Any, rows: int, columns: int) -> None:
    port = Port("out", columns)
    plan = Plan([Scatter(filled(rows, columns), port)], [port])
    port.attach(np.empty((rows, columns), np.float32))
    benchmark(lambda: plan.run(rows, rows))
