"""Rotary positions of the queries and keys of sequences, next to their values."""

from typing import Any

from fastnn.kernels import Rotary
from fastnn.layers.rotary import angles
from ops import filled

ROWS, TIMES, HEADS, SIZE = 32, 64, 4, 32


def test_rotary(benchmark: Any) -> None:
    x = filled(ROWS, TIMES * 3 * HEADS * SIZE)
    benchmark(Rotary(x, *angles(TIMES, SIZE, 1e4), x, heads=2 * HEADS))
