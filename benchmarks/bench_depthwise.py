"""The depthwise convolution and its gradients, as in a network of separable convolutions."""

from typing import Any

import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Depthwise, DepthwiseGradient
from fastnn.kernels.axis import Axis
from ops import filled

BATCH = 16
#: Three neighbours, each second of them, and windows whose taps are apart.
AXES = {"3 by 1": Axis(56, 3, 1, 1, 1, 1), "3 by 2": Axis(56, 3, 2, 1, 0, 1), "5 by 1": Axis(56, 5, 1, 1, 2, 2)}
WINDOWS = pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
MAPS = pytest.mark.parametrize(("channels", "multiplier"), [(96, 1), (24, 1), (24, 4)])


@WINDOWS
@MAPS
def test_forward(benchmark: Any, axis: Axis, channels: int, multiplier: int) -> None:
    outputs = channels * multiplier
    x, weight = filled(BATCH, axis.size**2 * channels), filled(axis.kernel, axis.kernel, channels, multiplier)
    benchmark(Depthwise(x, weight, filled(outputs), Tensor((BATCH, axis.output**2 * outputs)), axis, axis))


@WINDOWS
@MAPS
@pytest.mark.parametrize("wanted", ["all", "input", "weight"])
def test_gradient(benchmark: Any, axis: Axis, channels: int, multiplier: int, wanted: str) -> None:
    outputs = channels * multiplier
    x, weight = filled(BATCH, axis.size**2 * channels), filled(axis.kernel, axis.kernel, channels, multiplier)
    dy = filled(BATCH, axis.output**2 * outputs)
    dx = None if wanted == "weight" else Tensor(x.shape)
    dweight, dbias = (None if wanted == "input" else Tensor(shape) for shape in (weight.shape, (outputs,)))
    benchmark(DepthwiseGradient(x, weight, dy, dx, dweight, dbias, axis, axis))
