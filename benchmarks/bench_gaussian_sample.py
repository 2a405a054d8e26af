"""Samples of normal distributions, and their gradients."""

from typing import Any

import numpy as np

from fastnn.engine.tensor import Tensor
from fastnn.kernels import GaussianSample, GaussianSampleGradient, NormalDivergence, Penalties
from ops import filled

SHAPE = 128, 16
WEIGHT = np.ones(1, np.float32)


def test_sample(benchmark: Any) -> None:
    benchmark(GaussianSample(filled(*SHAPE), filled(*SHAPE, seed=1), Tensor(SHAPE), seed=0, stream=0))


def test_gradient(benchmark: Any) -> None:
    given, results = [filled(*SHAPE, seed=i) for i in range(3)], [Tensor(SHAPE), Tensor(SHAPE)]
    benchmark(GaussianSampleGradient(*given, *results, weight=WEIGHT, seed=0, stream=0))


def test_divergence(benchmark: Any) -> None:
    benchmark(NormalDivergence(filled(*SHAPE), filled(*SHAPE, seed=1), Penalties(), weight=WEIGHT))
