"""Attention and its gradient: of many short sequences, and of few long ones; with a mask, and with dropout."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Attention, AttentionGradient
from ops import filled

#: Sequences, steps, heads, numbers of a head, and whether the heads are causal.
SHAPES = [(32, 64, 4, 32, True), (2, 1024, 8, 64, True), (8, 256, 4, 64, False), (32, 20, 4, 32, False)]


def arguments(rows: int, times: int, heads: int, size: int, causal: bool) -> tuple[list[Tensor], dict[str, Any]]:
    """Queries, keys and values in one tensor, the output and the moments; and the settings."""
    width = heads * size
    x, y, moments = filled(rows, times * 3 * width), filled(rows, times * width), Tensor((rows, 2 * heads * times))
    settings = {"times": (times, times), "heads": (heads, heads), "size": size, "starts": (0, width, 2 * width)}
    return [x, x, x, y, moments], {**settings, "causal": causal, "scale": size**-0.5}


@pytest.mark.parametrize("shape", SHAPES)
def test_attention(benchmark: Any, shape: tuple[int, int, int, int, bool]) -> None:
    (q, k, v, y, moments), settings = arguments(*shape)
    benchmark(Attention(q, k, v, y, moments, **settings))


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(benchmark: Any, shape: tuple[int, int, int, int, bool]) -> None:
    (q, k, v, y, moments), settings = arguments(*shape)
    Attention(q, k, v, y, moments, **settings)()
    dy, dx = filled(*y.shape, seed=1), Tensor(q.shape)
    benchmark(AttentionGradient(q, k, v, y, moments, dy, dx, dx, dx, **settings))


@pytest.mark.parametrize("rate", [0.0, 0.1])
@pytest.mark.parametrize("masked", [False, True])
def test_masks_and_dropout(benchmark: Any, masked: bool, rate: float) -> None:
    rows, times, *_ = shape = SHAPES[2]
    (q, k, v, y, moments), settings = arguments(*shape)
    mask = filled(rows, times * times) if masked else None
    if mask is not None:
        mask.array[...] = mask.array > 0
    benchmark(Attention(q, k, v, y, moments, None, None, mask, rate=rate, **settings))
