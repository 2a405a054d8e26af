"""Losses with their gradients."""

from typing import Any

import pytest

from fastnn.kernels import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from fastnn.tensor import Tensor
from ops import filled, labels

SHAPES = [(16, 2), (128, 10), (128, 1000)]


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("loss", [CrossEntropy, BinaryCrossEntropy, MeanSquaredError])
def test_loss(benchmark: Any, loss: Any, rows: int, columns: int) -> None:
    target = Tensor((rows, columns))
    target.array[...] = 1 / columns
    benchmark(loss(filled(rows, columns), target, Tensor((rows, columns))))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_labels(benchmark: Any, rows: int, columns: int) -> None:
    benchmark(CrossEntropy(filled(rows, columns), labels(rows, columns), Tensor((rows, columns))))
