"""Updates with a rate for each parameter, each one pass over flat blocks."""

from collections.abc import Callable
from typing import Any

import pytest

from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Adadelta, Adagrad, RMSprop, Rprop
from ops import filled

OPS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Op]] = {
    "rmsprop": lambda p, g, a, b: RMSprop(p, g, a),
    "rmsprop, centered": RMSprop,
    "adagrad": lambda p, g, a, b: Adagrad(p, g, a),
    "adadelta": Adadelta,
    "rprop": Rprop,
}


@pytest.mark.parametrize("n", [7536, 535824])
@pytest.mark.parametrize("name", OPS)
def test_update(benchmark: Any, name: str, n: int) -> None:
    benchmark(OPS[name](filled(n), filled(n, seed=1), Tensor((n,)), Tensor((n,))))
