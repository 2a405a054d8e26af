"""Initial weights. Each takes a generator, the shape and the fans, and returns float32.

fan_in, fan_out: inputs that an output sums over, and outputs that an input reaches.
"""

from __future__ import annotations  # np.random is loaded where it is used: it costs half of fastnn's own import

import math
from collections.abc import Callable

import numpy as np

from fastnn.common import checks

Initializer = Callable[["np.random.Generator", tuple[int, ...], int, int], np.ndarray]


def _normal(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> np.ndarray:
    return rng.standard_normal(shape, np.float32) * np.float32(math.sqrt(variance))


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> np.ndarray:
    return (rng.random(shape, np.float32) * 2 - 1) * np.float32(math.sqrt(3 * variance))


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with variance 2 / fan_in. He et al. 2015, eq. 10."""
    return _normal(rng, shape, 2 / fan_in)


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform with variance 2 / fan_in. He et al. 2015, eq. 10."""
    return _uniform(rng, shape, 2 / fan_in)


def glorot_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with variance 2 / (fan_in + fan_out). Glorot & Bengio 2010, eq. 12."""
    return _normal(rng, shape, 2 / (fan_in + fan_out))


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform on +-sqrt(6 / (fan_in + fan_out)). Glorot & Bengio 2010, eq. 16."""
    return _uniform(rng, shape, 2 / (fan_in + fan_out))


def lecun_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with variance 1 / fan_in. LeCun et al. 1998, Efficient BackProp, section 4.6."""
    return _normal(rng, shape, 1 / fan_in)


def lecun_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform with variance 1 / fan_in. LeCun et al. 1998, Efficient BackProp, section 4.6."""
    return _uniform(rng, shape, 1 / fan_in)


def zeros(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Zeros."""
    return np.zeros(shape, np.float32)


def ones(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """Ones."""
    return np.ones(shape, np.float32)


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """A random matrix with orthonormal rows or columns, the fewer; the last dimension against the others.

    Saxe et al. 2014, section 3; uniform by the signs of R's diagonal (Mezzadri 2007).
    """
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.where(np.diagonal(r) < 0, -1, 1)
    return np.ascontiguousarray((q if rows >= columns else q.T).reshape(shape), np.float32)


INITIALIZERS: dict[str, Initializer] = {
    function.__name__: function
    for function in (
        he_normal,
        he_uniform,
        glorot_normal,
        glorot_uniform,
        lecun_normal,
        lecun_uniform,
        zeros,
        ones,
        orthogonal,
    )
}


def named(initializer: str | Initializer) -> str:
    """The name of an initializer, which may be given as the function. Raises ValueError that lists the known ones."""
    name = getattr(initializer, "__name__", None)
    if name in INITIALIZERS and INITIALIZERS[name] is initializer:
        return str(name)
    return checks.known("initializer", initializer, INITIALIZERS)
