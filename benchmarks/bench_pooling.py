"""Pooling and its gradients, as after the convolutions of a small network for images of 32 x 32."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import AveragePool, AveragePoolGradient, MaxPool, MaxPoolGradient
from fastnn.kernels.axis import Axis
from ops import filled

BATCH, CHANNELS = 32, 64
#: Halves, overlapping windows, and all of an image.
AXES = {"2 by 2": Axis(32, 2, 2), "3 by 2": Axis(32, 3, 2, before=1), "all": Axis(16, 16)}
WINDOWS = pytest.mark.parametrize("axis", AXES.values(), ids=AXES)


def pictures(axis: Axis) -> Tensor:
    return filled(BATCH, axis.size, axis.size, CHANNELS)


def windows(axis: Axis, dtype: str = "float32") -> Tensor:
    return Tensor((BATCH, axis.output, axis.output, CHANNELS), dtype)


@WINDOWS
@pytest.mark.parametrize("keeps", [False, True], ids=["predicting", "training"])
def test_max(benchmark: Any, axis: Axis, keeps: bool) -> None:
    benchmark(MaxPool(pictures(axis), windows(axis), axis, axis, windows(axis, "uint8") if keeps else None))


@WINDOWS
def test_max_gradient(benchmark: Any, axis: Axis) -> None:
    benchmark(MaxPoolGradient(windows(axis, "uint8"), windows(axis), pictures(axis), axis, axis))


@WINDOWS
def test_average(benchmark: Any, axis: Axis) -> None:
    benchmark(AveragePool(pictures(axis), windows(axis), axis, axis))


@WINDOWS
def test_average_gradient(benchmark: Any, axis: Axis) -> None:
    benchmark(AveragePoolGradient(windows(axis), pictures(axis), axis, axis))


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_few_channels(benchmark: Any, channels: int) -> None:
    axis = AXES["2 by 2"]
    x, y = filled(BATCH, axis.size, axis.size, channels), Tensor((BATCH, axis.output, axis.output, channels))
    benchmark(MaxPool(x, y, axis, axis))
