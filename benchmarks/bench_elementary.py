"""exp and log."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Elementary
from ops import filled


@pytest.mark.parametrize("n", [16, 4096, 262144])
@pytest.mark.parametrize("function", ["exp", "log"])
def test_elementary(benchmark: Any, function: str, n: int) -> None:
    benchmark(Elementary(filled(n), Tensor((n,)), function))
