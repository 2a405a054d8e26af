"""Metrics, and the classes of rows."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Accuracy, Classes, PeakSignalToNoise, RootMeanSquaredError, TopAccuracy
from ops import filled, labels

SHAPES = [(16, 2), (128, 10), (128, 1000)]


@pytest.mark.parametrize("rows", [16, 128])
def test_accuracy(benchmark: Any, rows: int) -> None:
    benchmark(Accuracy(labels(rows, 10), labels(rows, 10)))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_classes(benchmark: Any, rows: int, columns: int) -> None:
    benchmark(Classes(filled(rows, columns), Tensor((rows,), "int32")))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_top_accuracy(benchmark: Any, rows: int, columns: int) -> None:
    benchmark(TopAccuracy(filled(rows, columns), labels(rows, columns), k=5))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_root_mean_squared_error(benchmark: Any, rows: int, columns: int) -> None:
    benchmark(RootMeanSquaredError(filled(rows, columns), filled(rows, columns, seed=1)))


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_peak_signal_to_noise(benchmark: Any, rows: int, columns: int) -> None:
    benchmark(PeakSignalToNoise(filled(rows, columns), filled(rows, columns, seed=1), data_range=1.0))
