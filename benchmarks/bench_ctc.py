"""Connectionist temporal classification with its gradient, of labels that are gathered before, and PyTorch's."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.engine.thread_count import get_num_threads
from fastnn.kernels import CTC, GatherLabelRows
from ops import filled

#: Sequences, frames, classes, labels.
SHAPES = [(32, 100, 12, 8), (32, 100, 30, 40), (16, 300, 30, 60), (4, 1500, 40, 200)]


def numbers(rows: int, classes: int, labels: int) -> np.ndarray:
    """Labels other than the blank."""
    return np.random.default_rng(0).integers(1, classes, (rows, labels))


@pytest.mark.parametrize("shape", SHAPES)
def test_ctc(benchmark: Any, shape: tuple[int, int, int, int]) -> None:
    rows, times, classes, labels = shape
    x, count = filled(rows, times * classes), Tensor((rows, 1), "int32")
    y = Tensor((rows, labels), "int32")
    y.array[...], count.array[...] = numbers(rows, classes, labels), labels
    benchmark(CTC(x, y, count, Tensor(x.shape), classes=classes))


@pytest.mark.parametrize("shape", SHAPES)
def test_gather(benchmark: Any, shape: tuple[int, int, int, int]) -> None:
    rows, times, classes, labels = shape
    port = Port("y", times, padded=True)
    op = GatherLabelRows(port, Tensor((rows, times), "int32"), Tensor((rows, 1), "int32"), classes=classes)
    port.attach(numbers(rows, classes, labels))
    benchmark(op)


@pytest.mark.parametrize("shape", SHAPES)
def test_torch(benchmark: Any, shape: tuple[int, int, int, int]) -> None:
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    torch.set_num_threads(get_num_threads())
    rows, times, classes, labels = shape
    x = torch.tensor(filled(rows, times * classes).array.reshape(rows, times, classes), requires_grad=True)
    y, frames, count = (
        torch.tensor(numbers(rows, classes, labels)),
        torch.full((rows,), times),
        torch.full((rows,), labels),
    )
    loss = partial(torch.nn.functional.ctc_loss, reduction="none")

    def both() -> None:
        x.grad = None
        loss(x.log_softmax(-1).transpose(0, 1), y, frames, count).mean().backward()

    benchmark(both)
