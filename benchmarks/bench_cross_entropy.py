"""Cross-entropy with its gradient, and what its targets become."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import CrossEntropy, KLDivergence, SoftTargets
from ops import filled, labels

SHAPES = [(16, 2), (128, 10), (128, 1000)]


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("loss", [CrossEntropy, KLDivergence])
def test_distributions(benchmark: Any, loss: Any, rows: int, columns: int) -> None:
    target = Tensor((rows, columns))
    target.array[...] = 1 / columns
    benchmark(loss(filled(rows, columns), target, Tensor((rows, columns))))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_labels(benchmark: Any, rows: int, columns: int, weighted: bool) -> None:
    weight = Tensor((rows, 1)) if weighted else None
    if weight is not None:
        weight.array[...] = 0.5
    benchmark(CrossEntropy(filled(rows, columns), labels(rows, columns), Tensor((rows, columns)), weight))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_soft_targets(benchmark: Any, rows: int, columns: int) -> None:
    numbers = Tensor((rows, 1)), Tensor((rows, 1))
    benchmark(SoftTargets(labels(rows, columns), Tensor((rows, columns)), *numbers, smoothing=0.1))
