"""Initializers without settings: functions (rng, shape, fan_in, fan_out) -> float32 array."""

from __future__ import annotations  # np.random is loaded where it is used: it costs half of fastnn's own import

import math
from collections.abc import Callable

import numpy as np

Initializer = Callable[["np.random.Generator", tuple[int, ...], int, int], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> np.ndarray:
    """Normal with mean 0 and that variance."""
    return rng.standard_normal(shape, np.float32) * np.float32(math.sqrt(variance))


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> np.ndarray:
    return (rng.random(shape, np.float32) * 2 - 1) * np.float32(math.sqrt(3 * variance))


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with variance 2 / fan_in.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
    Classification", ICCV 2015, eq. 10.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(64, "relu", initializer="he_normal")
    """
    return normal(rng, shape, 2 / fan_in)


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform with variance 2 / fan_in.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
    Classification", ICCV 2015, eq. 10.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(64, "relu", initializer="he_uniform")
    """
    return _uniform(rng, shape, 2 / fan_in)


def glorot_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with variance 2 / (fan_in + fan_out).

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", AISTATS 2010,
    eq. 12.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(64, "tanh", initializer="glorot_normal")
    """
    return normal(rng, shape, 2 / (fan_in + fan_out))


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform on +-sqrt(6 / (fan_in + fan_out)).

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", AISTATS 2010,
    eq. 16.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(64, "tanh", initializer="glorot_uniform")
    """
    return _uniform(rng, shape, 2 / (fan_in + fan_out))


def lecun_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with variance 1 / fan_in.

    References
    ----------
    Y. LeCun, L. Bottou, G. B. Orr and K.-R. Mueller, "Efficient BackProp", 1998, section 4.6.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(64, "selu", initializer="lecun_normal")
    """
    return normal(rng, shape, 1 / fan_in)


def lecun_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform with variance 1 / fan_in.

    References
    ----------
    Y. LeCun, L. Bottou, G. B. Orr and K.-R. Mueller, "Efficient BackProp", 1998, section 4.6.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(64, "selu", initializer="lecun_uniform")
    """
    return _uniform(rng, shape, 1 / fan_in)


def zeros(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """All weights 0.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(2, initializer="zeros")], input_shape=(1,))
    >>> net.weights["dense_0.weight"].tolist()
    [[0.0, 0.0]]
    """
    return np.zeros(shape, np.float32)


def ones(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """All weights 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(2, initializer="ones")], input_shape=(1,))
    >>> net.weights["dense_0.weight"].tolist()
    [[1.0, 1.0]]
    """
    return np.ones(shape, np.float32)


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """A random matrix, (product of all other dimensions, last dimension), with orthonormal rows or columns.

    The rows are orthonormal if there are fewer rows than columns, else the columns, [1]_. The signs of R's diagonal in
    the QR decomposition make the distribution uniform, [2]_.

    References
    ----------
    .. [1] A. M. Saxe, J. L. McClelland and S. Ganguli, "Exact Solutions to the Nonlinear Dynamics of Learning in Deep
       Linear Neural Networks", ICLR 2014, section 3.
    .. [2] F. Mezzadri, "How to Generate Random Matrices from the Classical Compact Groups", Notices of the AMS 54(5),
       2007.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(2, initializer="orthogonal")], input_shape=(3,), seed=0)
    >>> weight = net.weights["dense_0.weight"]
    >>> np.allclose(weight.T @ weight, np.eye(2), atol=1e-6)
    True
    """
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.where(np.diagonal(r) < 0, -1, 1)
    return np.ascontiguousarray((q if rows >= columns else q.T).reshape(shape), np.float32)
