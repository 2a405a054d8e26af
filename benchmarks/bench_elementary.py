"""exp and log."""

from typing import Any

import pytest

from fastnn.kernels import Elementary
from fastnn.tensor import Tensor
from ops import filled


@pytest.mark.parametrize("n", [16, 4096, 262144])
@pytest.mark.parametrize("function", ["exp", "log"])
def test_elementary(benchmark: Any, function: str, n: int) -> None:
    benchmark(Elementary(filled(n), Tensor((n,)), function))
