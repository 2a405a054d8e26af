"""Penalties, clipping, max-norm and the moving average, on a weight of the table's largest network."""

from collections.abc import Callable
from typing import Any

import pytest

from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Average, Clip, ClipNorm, MaxNorm, Penalty, SquaredNorm, Zero
from ops import filled


def clip_norm(weight: Tensor, gradient: Tensor) -> Op:
    """The norm is another tensor's, and so too long each time."""
    norm = SquaredNorm(weight)
    norm()
    return ClipNorm(gradient, norm, limit=norm.value**0.5 * 0.999999)


OPS: dict[str, Callable[[Tensor, Tensor], Op]] = {
    "penalty": lambda w, g: Penalty(w, g, None, l1=1e-4, l2=1e-4),
    "norm": lambda w, g: SquaredNorm(g),
    "clip": lambda w, g: Clip(g, limit=0.5),
    "zero": lambda w, g: Zero(g),
    "clip_norm": clip_norm,
    "max_norm": lambda w, g: MaxNorm(w, limit=1e-3),
    "average": lambda w, g: Average(w, g, decay=0.999),
}


@pytest.mark.parametrize("name", OPS)
def test_regularization(benchmark: Any, name: str) -> None:
    benchmark(OPS[name](filled(784, 512), filled(784, 512, seed=1)))
