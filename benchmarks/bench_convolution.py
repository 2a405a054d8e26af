"""Convolution and its gradients."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import ChannelSum, Convolution, ConvolutionWeightGradient, Filter
from fastnn.kernels.axis import Axis
from ops import filled

SAME = Axis(32, 3, 1, 1, 1, 1)
PIXELS = 32 * 32


def test_forward(benchmark: Any) -> None:
    maps = filled(16, PIXELS * 64), filled(3, 3, 64, 64), filled(64), Tensor((16, PIXELS * 64))
    benchmark(Convolution(*maps, SAME, SAME))


def test_input_gradient(benchmark: Any) -> None:
    maps = filled(16, PIXELS * 64), filled(3, 3, 64, 64), None, Tensor((16, PIXELS * 64))
    benchmark(Convolution(*maps, SAME, SAME, transposed=True))


def test_weight_gradient(benchmark: Any) -> None:
    maps = filled(16, PIXELS * 64), filled(16, PIXELS * 64), Tensor((3, 3, 64, 64))
    benchmark(ConvolutionWeightGradient(*maps, SAME, SAME))


def test_channel_sum(benchmark: Any) -> None:
    benchmark(ChannelSum(filled(16, PIXELS * 64), Tensor((64,))))


def test_filter(benchmark: Any) -> None:
    benchmark(Filter(filled(3, 3, 64, 64), SAME, SAME))
