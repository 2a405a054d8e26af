"""Between whole sequences and their steps."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import FromSteps, Steps, ToSteps
from ops import filled

ROWS, TIMES, COLUMNS = 32, 64, 64


def full() -> Steps:
    return Steps(None, Tensor((ROWS, 1), "int32"), times=TIMES)


def test_to_steps(benchmark: Any) -> None:
    benchmark(ToSteps(filled(ROWS, TIMES * COLUMNS), Tensor((ROWS * TIMES, COLUMNS)), full()))


def test_from_steps(benchmark: Any) -> None:
    benchmark(FromSteps(filled(ROWS * TIMES, COLUMNS), Tensor((ROWS, TIMES * COLUMNS)), full()))
