"""Rotary positions of queries and keys."""

import numpy as np

from fastnn import kernels
from fastnn.engine.tensor import Tensor
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


def angles(times: int, size: int, base: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine of t base^(-2 i / size) for each step t and pair i, (times, size / 2)."""
    turns = np.arange(times)[:, None] * base ** (-np.arange(0, size, 2) / size)
    cosine, sine = Tensor(turns.shape), Tensor(turns.shape)
    cosine.array[...], sine.array[...] = np.cos(turns), np.sin(turns)
    return cosine, sine


def turn(lowering: Lowering, x: Value, heads: int, size: int, base: float) -> None:
    """Turns the pairs (i, i + size / 2) of the heads that each step of x begins with, in place; and their gradient."""
    if lowering.stepping and x.buffer.steps is not None:
        times = lowering.capacity or x.shape[0]
        present = lowering.present(times)
        lowering.emit(kernels.Rotary, x.buffer, *angles(times, size, base), x.buffer, present, heads=heads)
        return
    tables = angles(x.shape[0], size, base)
    lowering.emit(kernels.Rotary, x.buffer, *tables, x.buffer, heads=heads)

    def backward() -> None:
        if x.gradient is not None:
            lowering.emit(kernels.Rotary, x.gradient, *tables, x.gradient, heads=heads, back=True)

    lowering.backward(backward)
