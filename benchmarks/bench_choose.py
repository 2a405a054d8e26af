"""One element of each row by number, and its gradient."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Choose, ChooseGradient
from ops import filled, labels

ROWS, ACTIONS = 64, 4


def index() -> Tensor:
    found = Tensor((ROWS, 1), "int32")
    found.array[:, 0] = labels(ROWS, ACTIONS).array
    return found


def test_choose(benchmark: Any) -> None:
    benchmark(Choose(filled(ROWS, ACTIONS), index(), Tensor((ROWS, 1))))


def test_gradient(benchmark: Any) -> None:
    benchmark(ChooseGradient(filled(ROWS, 1), index(), Tensor((ROWS, ACTIONS))))
