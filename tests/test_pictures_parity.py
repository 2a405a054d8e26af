"""Pooling, larger images and borders against PyTorch: values and gradients over random shapes and settings."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, generator

torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")

Draw = Callable[[int, int], int]
#: A layer of fastnn's and the function of PyTorch's that does the same.
Pair = tuple[fnn.Layer, Callable[[Any], Any]]


def both_axes(draw: Draw, low: int, high: int) -> tuple[int, int]:
    return draw(low, high), draw(low, high)


def windows(draw: Draw) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Size, strides and padding; PyTorch's padding is at most half a window."""
    size, strides = both_axes(draw, 1, 5), both_axes(draw, 1, 4)
    return size, strides, (draw(0, size[0] // 2), draw(0, size[1] // 2))


def max_pool(draw: Draw) -> Pair:
    settings = windows(draw)
    return fnn.MaxPool2D(*settings), lambda x: torch.nn.functional.max_pool2d(x, *settings)


def average_pool(draw: Draw) -> Pair:
    settings = windows(draw)
    return fnn.AvgPool2D(*settings), lambda x: torch.nn.functional.avg_pool2d(x, *settings, count_include_pad=False)


def global_max(draw: Draw) -> Pair:
    return fnn.GlobalMaxPool(), lambda x: torch.nn.functional.adaptive_max_pool2d(x, 1)


def global_average(draw: Draw) -> Pair:
    return fnn.GlobalAvgPool(), lambda x: torch.nn.functional.adaptive_avg_pool2d(x, 1)


def nearest(draw: Draw) -> Pair:
    size = both_axes(draw, 1, 4)
    return fnn.UpSample2D(size), lambda x: torch.nn.functional.interpolate(x, scale_factor=size)


def bilinear(draw: Draw) -> Pair:
    size, settings = both_axes(draw, 1, 5), {"mode": "bilinear", "align_corners": False}
    return fnn.UpSample2D(size, "bilinear"), lambda x: torch.nn.functional.interpolate(x, scale_factor=size, **settings)


def pad(draw: Draw) -> Pair:
    (top, bottom), (left, right) = sides = both_axes(draw, 0, 3), both_axes(draw, 0, 3)
    return fnn.ZeroPad2D(sides), lambda x: torch.nn.functional.pad(x, (left, right, top, bottom))


def crop(draw: Draw) -> Pair:
    (top, bottom), (left, right) = sides = both_axes(draw, 0, 2), both_axes(draw, 0, 2)
    return fnn.Crop2D(sides), lambda x: torch.nn.functional.pad(x, (-left, -right, -top, -bottom))


@pytest.mark.parametrize(
    "pair", [max_pool, average_pool, global_max, global_average, nearest, bilinear, pad, crop], ids=lambda f: f.__name__
)
def test_as_pytorch(pair: Callable[[Draw], Pair]) -> None:
    """Values are rounded, so that windows have several maxima: the first one gets the gradient."""
    for seed in range(40):
        random = generator(7, seed)

        def draw(low: int, high: int, random: np.random.Generator = random) -> int:
            return int(random.integers(low, high + 1))

        layer, theirs = pair(draw)
        shape = draw(1, 4), draw(5, 12), draw(5, 12), draw(1, 20)
        x = np.round(2 * random.standard_normal(shape)).astype(np.float32) / 2
        net = fnn.Sequential([layer, fnn.Flatten()], input_shape=shape[1:])
        y = net.forward(x, training=True)
        dy = random.standard_normal(y.shape).astype(np.float32)
        dx = net.backward(dy)
        given = torch.tensor(x.transpose(0, 3, 1, 2), dtype=torch.float64, requires_grad=True)
        wanted = theirs(given)
        laid_out = wanted.detach().permute(0, 2, 3, 1)
        assert_close(y, laid_out.reshape(len(y), -1).numpy(), tolerance=1e-6)
        wanted.backward(torch.tensor(dy.reshape(laid_out.shape).transpose(0, 3, 1, 2), dtype=torch.float64))
        assert_close(dx, given.grad.permute(0, 2, 3, 1).numpy(), tolerance=1e-6)
