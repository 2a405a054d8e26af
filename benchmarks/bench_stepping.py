"""One step of sequences: what is kept of the steps before it."""

from typing import Any

import numpy as np

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Advance, Append, Filter, Position, StepConvolution
from fastnn.kernels.axis import Axis
from fastnn.kernels.stepping import window
from ops import filled

ROWS, CHANNELS = 1, 32


def count() -> Tensor:
    found = Tensor((ROWS, 1), "int32")
    found.array[...] = np.ones((ROWS, 1))
    return found


def test_position(benchmark: Any) -> None:
    benchmark(Position(count(), count(), most=9))


def test_advance(benchmark: Any) -> None:
    benchmark(Advance(count(), size=9))


def test_append(benchmark: Any) -> None:
    benchmark(Append(filled(ROWS, CHANNELS), count(), Tensor((ROWS, 9 * CHANNELS))))


def test_convolution(benchmark: Any) -> None:
    columns = Axis(1, kernel=2, dilation=64)
    weight = Filter(filled(2, CHANNELS, CHANNELS), *window(columns))
    ring = filled(ROWS, 2 * columns.reach * CHANNELS)
    y = Tensor((ROWS, CHANNELS))
    benchmark(StepConvolution(filled(ROWS, CHANNELS), ring, count(), weight, filled(CHANNELS), y, columns))
