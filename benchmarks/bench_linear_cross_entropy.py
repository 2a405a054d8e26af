"""The product and the cross-entropy of many classes, with all gradients, in pieces of some rows and as a whole."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import LinearCrossEntropy
from ops import filled, labels

ROWS, INPUTS, CLASSES = 512, 128, 10_000


@pytest.mark.parametrize("at_once", [64, 128, ROWS])
def test_training(benchmark: Any, at_once: int) -> None:
    given = filled(ROWS, INPUTS), filled(INPUTS, CLASSES), filled(1, CLASSES), labels(ROWS, CLASSES)
    gradients = Tensor((ROWS, INPUTS)), Tensor((INPUTS, CLASSES)), Tensor((1, CLASSES))
    benchmark(LinearCrossEntropy(*given, *gradients, at_once=at_once))
