"""Pooling over time, and a mask of sequences."""

from typing import Any

from bench_steps import COLUMNS, ROWS, TIMES, full
from fastnn.engine.tensor import Tensor
from fastnn.kernels import StepMaximum, StepMaximumGradient, StepMean, StepMeanGradient, StepMultiply
from ops import filled


def test_mean(benchmark: Any) -> None:
    benchmark(StepMean(filled(ROWS * TIMES, COLUMNS), Tensor((ROWS, COLUMNS)), full()))


def test_mean_gradient(benchmark: Any) -> None:
    benchmark(StepMeanGradient(filled(ROWS, COLUMNS), Tensor((ROWS * TIMES, COLUMNS)), full()))


def test_maximum(benchmark: Any) -> None:
    places = Tensor((ROWS, COLUMNS), "int32")
    benchmark(StepMaximum(filled(ROWS * TIMES, COLUMNS), Tensor((ROWS, COLUMNS)), full(), places))


def test_maximum_gradient(benchmark: Any) -> None:
    places = Tensor((ROWS, COLUMNS), "int32")
    benchmark(StepMaximumGradient(filled(ROWS, COLUMNS), Tensor((ROWS * TIMES, COLUMNS)), full(), places))


def test_multiply(benchmark: Any) -> None:
    x, y = filled(ROWS * TIMES, COLUMNS), Tensor((ROWS * TIMES, COLUMNS))
    benchmark(StepMultiply(x, filled(ROWS, COLUMNS), y, full()))
