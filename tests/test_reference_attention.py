"""The twins of attention, rotary positions and group normalization: their gradients by central differences."""

from typing import Any

import numpy as np
import pytest

import reference_attention as twins
import reference_layers
from check import generator
from reference import Array
from test_reference import assert_gradient, draw


@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention(masked: bool, causal: bool, rate: float) -> None:
    q, k, v, dy = draw((2, 4, 4), (2, 5, 2), (2, 5, 2), (2, 4, 4))
    settings: dict[str, Any] = {"heads": (4, 2), "size": 1, "scale": 0.7, "rate": rate, "random": (3, 4)}
    mask = (generator(2).random((2, 4, 5)) < 0.6) * 1.0
    mask[0, 2] = 0
    ends = ([4, 4], [4, 4]) if causal else ([4, 3], [5, 2])
    given = (*ends, mask if masked else None)

    def f(_: Array) -> float:
        return float((twins.Attention(q, k, v, *given, causal=causal, **settings)[0] * dy).sum())

    gradients = twins.AttentionGradient(q, k, v, dy, *given, causal=causal, **settings)
    for gradient, x in zip(gradients, (q, k, v), strict=True):
        assert_gradient(gradient, f, x)


def test_rotary() -> None:
    x, dy, angle = draw((2, 3, 2, 6), (2, 3, 2, 6), (3, 3))
    tables = np.cos(angle), np.sin(angle)
    gradient = twins.Rotary(dy, *tables, back=True)
    assert_gradient(gradient, lambda x: float((twins.Rotary(x, *tables) * dy).sum()), x)


def test_group_norm() -> None:
    x, dy, gamma, beta = draw((3, 4, 6), (3, 4, 6), (6,), (6,))
    settings: dict[str, Any] = {"groups": 2, "epsilon": 0.1}

    def f(_: Array) -> float:
        return float((reference_layers.GroupNorm(x, gamma, beta, **settings)[0] * dy).sum())

    moments = reference_layers.GroupNorm(x, gamma, beta, **settings)[1]
    gradients = reference_layers.GroupNormGradient(x, dy, moments, gamma, **settings)
    for gradient, changed in zip(gradients, (x, gamma, beta), strict=True):
        assert_gradient(gradient, f, changed)


def test_root_mean_square() -> None:
    x, dy, gamma = draw((4, 6), (4, 6), (3,))

    def f(_: Array) -> float:
        return float((reference_layers.LayerNorm(x, gamma, None, epsilon=0.1)[0] * dy).sum())

    moments = reference_layers.LayerNorm(x, gamma, None, epsilon=0.1)[1]
    assert_gradient(reference_layers.LayerNormWeightGradient(x, dy, moments, 3)[0], f, gamma)
    assert_gradient(reference_layers.LayerNormInputGradient(x, dy, moments, gamma, centred=False), f, x)
