"""Samples of normal distributions, and their gradients."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import GaussianSample, GaussianSampleGradient, NormalDivergence, Penalties
from fastnn.kernels.gaussian_sample import Beta
from ops import filled

SHAPE = 128, 16


def test_sample(benchmark: Any) -> None:
    benchmark(GaussianSample(filled(*SHAPE), filled(*SHAPE, seed=1), Tensor(SHAPE), seed=0, stream=0))


def test_gradient(benchmark: Any) -> None:
    given, results = [filled(*SHAPE, seed=i) for i in range(3)], [Tensor(SHAPE), Tensor(SHAPE)]
    benchmark(GaussianSampleGradient(*given, *results, beta=Beta(1.0), seed=0, stream=0))


def test_divergence(benchmark: Any) -> None:
    benchmark(NormalDivergence(filled(*SHAPE), filled(*SHAPE, seed=1), Penalties(), beta=Beta(1.0)))
