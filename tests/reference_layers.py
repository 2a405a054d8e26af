"""The float64 NumPy twins of the Ops of normalization, Maxout, noise and layers in Python, as in reference.py."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from reference import FUNCTIONS, Array, double, random_words


def channels(x: ArrayLike, n: int) -> Array:
    """x (rows, ...) with n channels last, as (values, n)."""
    return double(x).reshape(-1, n)


def BatchNormMoments(x: ArrayLike, n: int) -> tuple[Array, Array]:
    return channels(x, n).mean(axis=0), channels(x, n).var(axis=0)


def BatchNorm(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    *,
    epsilon: float,
    activation: str = "identity",
) -> Array:
    normal = (channels(x, len(mean)) - double(mean)) / np.sqrt(double(variance) + epsilon)
    return FUNCTIONS[activation](double(gamma) * normal + double(beta)).reshape(np.shape(x))


def BatchNormWeightGradient(
    x: ArrayLike, dy: ArrayLike, mean: ArrayLike, variance: ArrayLike, *, epsilon: float
) -> tuple[Array, Array, Array, Array]:
    """shift, slope, dgamma, dbeta."""
    d, dy = channels(x, len(mean)) - double(mean), channels(dy, len(mean))
    return dy.mean(axis=0), (dy * d).mean(axis=0), (dy * d).sum(axis=0) / np.sqrt(variance + epsilon), dy.sum(axis=0)


def BatchNormInputGradient(
    x: ArrayLike,
    dy: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    shift: ArrayLike,
    slope: ArrayLike,
    gamma: ArrayLike,
    *,
    epsilon: float,
) -> Array:
    d, wide = channels(x, len(mean)) - double(mean), double(variance) + epsilon
    dx = double(gamma) / np.sqrt(wide) * (channels(dy, len(mean)) - shift - d * slope / wide)
    return dx.reshape(np.shape(x))


def BatchNormRunning(
    mean: ArrayLike, variance: ArrayLike, running_mean: ArrayLike, running_variance: ArrayLike, *, momentum: float
) -> tuple[Array, Array]:
    pairs = (mean, running_mean), (variance, running_variance)
    return tuple(momentum * double(running) + (1 - momentum) * double(batch) for batch, running in pairs)


def LayerNorm(x: ArrayLike, gamma: ArrayLike, beta: ArrayLike | None, *, epsilon: float) -> tuple[Array, Array]:
    """y and the moments; beta None: by the root mean square."""
    d = channels(x, len(gamma))
    mean = d.mean(axis=1, keepdims=True) * (beta is not None)
    scale = 1 / np.sqrt(((d - mean) ** 2).mean(axis=1, keepdims=True) + epsilon)
    y = double(gamma) * (d - mean) * scale + (0 if beta is None else double(beta))
    return y.reshape(np.shape(x)), np.concatenate([mean, scale], axis=1).reshape(len(x), -1)


def LayerNormWeightGradient(x: ArrayLike, dy: ArrayLike, moments: ArrayLike, n: int) -> tuple[Array, Array]:
    """dgamma, dbeta."""
    mean, scale = np.split(double(moments).reshape(-1, 2), 2, axis=1)
    dy = channels(dy, n)
    return (dy * (channels(x, n) - mean) * scale).sum(axis=0), dy.sum(axis=0)


def LayerNormInputGradient(
    x: ArrayLike, dy: ArrayLike, moments: ArrayLike, gamma: ArrayLike, *, centred: bool = True
) -> Array:
    mean, scale = np.split(double(moments).reshape(-1, 2), 2, axis=1)
    h, g = (channels(x, len(gamma)) - mean) * scale, double(gamma) * channels(dy, len(gamma))
    dx = scale * (g - centred * g.mean(axis=1, keepdims=True) - h * (g * h).mean(axis=1, keepdims=True))
    return dx.reshape(np.shape(x))


def _groups(x: ArrayLike, n: int, groups: int) -> Array:
    """(rows, positions, groups, channels of a group)."""
    return double(x).reshape(len(np.asarray(x)), -1, groups, n // groups)


def GroupNorm(x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, *, groups: int, epsilon: float) -> tuple[Array, Array]:
    """y and the moments: of each row the means of its channels, then the variances."""
    n = len(np.asarray(gamma))
    d = _groups(x, n, groups)
    mean, variance = d.mean(axis=(1, 3), keepdims=True), d.var(axis=(1, 3), keepdims=True)
    h = ((d - mean) / np.sqrt(variance + epsilon)).reshape(*d.shape[:2], n)
    moments = [np.broadcast_to(m, (len(d), 1, groups, n // groups)).reshape(len(d), n) for m in (mean, variance)]
    return (double(gamma) * h + double(beta)).reshape(np.shape(x)), np.concatenate(moments, axis=1)


def GroupNormGradient(
    x: ArrayLike, dy: ArrayLike, moments: ArrayLike, gamma: ArrayLike, *, groups: int, epsilon: float
) -> tuple[Array, Array, Array]:
    """dx, dgamma, dbeta."""
    n, axes = len(np.asarray(gamma)), (1, 3)
    mean, variance = (m.reshape(-1, 1, groups, n // groups) for m in np.split(double(moments), 2, axis=1))
    scale = 1 / np.sqrt(variance + epsilon)
    h, dy = (_groups(x, n, groups) - mean) * scale, _groups(dy, n, groups)
    g = dy * double(gamma).reshape(groups, -1)
    dx = scale * (g - g.mean(axis=axes, keepdims=True) - h * (g * h).mean(axis=axes, keepdims=True))
    return dx.reshape(np.shape(x)), (dy * h).sum(axis=(0, 1)).reshape(n), dy.sum(axis=(0, 1)).reshape(n)


def Maxout(z: ArrayLike, units: int) -> Array:
    return double(z).reshape(len(z), -1, units).max(axis=1)


def MaxoutGradient(z: ArrayLike, dy: ArrayLike) -> Array:
    pieces = double(z).reshape(len(z), -1, np.shape(dy)[1])
    first = np.arange(pieces.shape[1])[:, None] == pieces.argmax(axis=1)[:, None]
    return np.where(first, double(dy)[:, None], 0).reshape(np.shape(z))


def GaussianNoise(x: ArrayLike, *, stddev: float, seed: int, stream: int, step: int = 0) -> Array:
    x = double(x)
    words = random_words(x.size, seed, stream, step)
    tail = ((words >> 8 & 0x7FFFFF) + 0.5) / 2**23
    size = -np.vectorize(NormalDist().inv_cdf)(tail / 2)
    return x + stddev * np.where(words >> 31, -size, size).reshape(x.shape)


def Rescale(x: ArrayLike, *, scale: float, offset: float = 0.0) -> Array:
    return scale * double(x) + offset


def PythonForward(function: Callable[[Array], Array], x: ArrayLike) -> Array:
    return function(double(x))


def PythonBackward(function: Callable[[Array], Array], dy: ArrayLike) -> Array:
    return function(double(dy))


def Dueling(z: ArrayLike) -> Array:
    z = double(z)
    return z[:, :1] + z[:, 1:] - z[:, 1:].mean(axis=1, keepdims=True)


def DuelingGradient(dy: ArrayLike) -> Array:
    dy = double(dy)
    return np.concatenate([dy.sum(axis=1, keepdims=True), dy - dy.mean(axis=1, keepdims=True)], axis=1)


def Mask(x: ArrayLike, legal: ArrayLike) -> Array:
    return np.where(double(legal) != 0, double(x), -double(np.finfo(np.float32).max))


def MaskGradient(dy: ArrayLike, legal: ArrayLike) -> Array:
    return np.where(double(legal) != 0, double(dy), 0)


def _deviates(shape: tuple[int, ...], seed: int, stream: int, step: int) -> Array:
    return GaussianNoise(np.zeros(shape), stddev=1.0, seed=seed, stream=stream, step=step)


def GaussianSample(mean: ArrayLike, s: ArrayLike, *, seed: int, stream: int, step: int = 0) -> Array:
    return double(mean) + np.exp(double(s) / 2) * _deviates(np.shape(mean), seed, stream, step)


def GaussianSampleGradient(
    mean: ArrayLike,
    s: ArrayLike,
    dz: ArrayLike,
    *,
    weight: float,
    seed: int,
    stream: int,
    step: int = 0,
    sampled: bool = True,
) -> tuple[Array, Array]:
    mean, s, dz = double(mean), double(s), double(dz)
    share, noise = weight / len(mean), _deviates(mean.shape, seed, stream, step) if sampled else 0
    return dz + share * mean, dz * np.exp(s / 2) * noise / 2 + share * (np.exp(s) - 1) / 2


def NormalDivergence(mean: ArrayLike, s: ArrayLike, *, weight: float) -> float:
    mean, s = double(mean), double(s)
    return float(weight * (np.exp(s) + mean**2 - 1 - s).sum() / 2 / len(mean))
