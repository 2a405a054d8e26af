"""Losses with their gradients."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import ELEMENTWISE_LOSSES, Cosine, Dice, ElementwiseLoss
from ops import filled

SHAPES = [(16, 2), (128, 10), (128, 1000), (1024, 1024)]


def target(rows: int, columns: int) -> Tensor:
    """What every loss takes."""
    tensor = Tensor((rows, columns))
    tensor.array[...] = 1 / columns
    return tensor


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("loss", ELEMENTWISE_LOSSES)
def test_elementwise_loss(benchmark: Any, loss: str, rows: int, columns: int) -> None:
    x, dx = filled(rows, columns), Tensor((rows, columns))
    benchmark(ElementwiseLoss(x, target(rows, columns), dx, loss=loss, setting=2.0))


@pytest.mark.parametrize(("rows", "columns"), [(1024, 1), *SHAPES])
def test_weighted(benchmark: Any, rows: int, columns: int) -> None:
    weight = Tensor((rows, 1))
    weight.array[...] = 0.5
    x, dx = filled(rows, columns), Tensor((rows, columns))
    benchmark(ElementwiseLoss(x, target(rows, columns), dx, weight, loss="mse"))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_cosine(benchmark: Any, rows: int, columns: int) -> None:
    benchmark(Cosine(filled(rows, columns), target(rows, columns), Tensor((rows, columns))))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_dice(benchmark: Any, rows: int, columns: int) -> None:
    benchmark(Dice(filled(rows, columns), target(rows, columns), Tensor((rows, columns))))
