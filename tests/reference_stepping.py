"""The float64 NumPy twins of the Ops of one step of sequences, as in reference.py."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

import reference_convolution as convolution
from fastnn.kernels.axis import Axis
from reference import Array, double


def Position(count: ArrayLike) -> NDArray:
    return np.asarray(count) + 1


def Advance(count: ArrayLike, size: int) -> NDArray:
    return (np.asarray(count) + 1) % size


def Append(x: ArrayLike, present: ArrayLike, cache: ArrayLike, start: int) -> NDArray:
    """cache (rows, steps, columns), present (rows,)."""
    cache = np.array(cache)
    cache[np.arange(len(cache)), np.asarray(present) - 1] = np.asarray(x)[:, start:]
    return cache


def StepConvolution(
    x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None, columns: Axis, groups: int, activation: str
) -> Array:
    """y of each step of whole sequences x (rows, times, in): (rows, times, out)."""
    x = double(x)
    axis = columns._replace(size=x.shape[1], before=columns.reach - 1)
    y = convolution.Convolution(x.reshape(len(x), -1), weight, bias, Axis(1), axis, groups, activation=activation)
    return y.reshape(*x.shape[:2], -1)
