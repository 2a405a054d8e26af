"""Initial weights: a layer's setting initializer, Dense(64, initializer="orthogonal") or Orthogonal(gain=0.01).

Each is a function (rng, shape, fan_in, fan_out) -> float32 array, or an object with settings that is called like one.
fan_in is the number of inputs that an output sums over, fan_out the number of outputs that an input reaches.
"""

from __future__ import annotations  # np.random is loaded where it is used: it costs half of fastnn's own import

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from fastnn.common import checks
from fastnn.common.settings import FixedSettings, check_version

Initializer = Callable[["np.random.Generator", tuple[int, ...], int, int], np.ndarray]


def _normal(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> np.ndarray:
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
    return _normal(rng, shape, 2 / fan_in)


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
    return _normal(rng, shape, 2 / (fan_in + fan_out))


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
    return _normal(rng, shape, 1 / fan_in)


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


@dataclass(eq=False, repr=False)
class Drawn(FixedSettings):
    """An initializer with settings, which are numbers >= `least`: called as the functions are."""

    least: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            number = checks.real(f"{type(self).__name__}: {field.name}", getattr(self, field.name), least=self.least)
            object.__setattr__(self, field.name, number)

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__}.__call__ is not defined")


@dataclass(eq=False, repr=False)
class Orthogonal(Drawn):
    """gain times what `orthogonal` draws.

    A small gain makes the first outputs of a policy nearly equal; sqrt(2) suits relu.

    Parameters
    ----------
    gain : float, default 1
        Factor, >= 0.

    Raises
    ------
    TypeError, ValueError
        Unless gain >= 0.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> layer = fnn.Dense(2, initializer=fnn.initializers.Orthogonal(gain=0.01))
    >>> weight = fnn.Sequential([layer], input_shape=(3,), seed=0).weights["dense_0.weight"]
    >>> np.allclose(weight.T @ weight, 1e-4 * np.eye(2), atol=1e-9)
    True
    """

    gain: float = 1.0

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return orthogonal(rng, shape, fan_in, fan_out) * np.float32(self.gain)


@dataclass(eq=False, repr=False)
class Constant(Drawn):
    """All weights the same.

    Parameters
    ----------
    value : float
        What they start with.

    Raises
    ------
    TypeError, ValueError
        Unless value is a finite number.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(2, initializer=fnn.initializers.Constant(0.5))
    >>> fnn.Sequential([layer], input_shape=(1,)).weights["dense_0.weight"].tolist()
    [[0.5, 0.5]]
    """

    value: float

    least: ClassVar[float] = -checks.LARGEST

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return np.full(shape, self.value, np.float32)


@dataclass(eq=False, repr=False)
class Normal(Drawn):
    """Normal with mean 0 and a given standard deviation.

    Parameters
    ----------
    std : float
        Standard deviation, >= 0.

    Raises
    ------
    TypeError, ValueError
        Unless std >= 0.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(64, initializer=fnn.initializers.Normal(0.02))
    """

    std: float

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return _normal(rng, shape, self.std**2)


#: The initializers with settings that a file may name.
DRAWN: dict[str, type[Drawn]] = {kind.__name__: kind for kind in (Orthogonal, Constant, Normal)}


def described(setting: Any) -> Any:
    """A layer's setting as files hold it: an initializer with settings as its class and these."""
    return setting.describe() if isinstance(setting, Drawn) else setting


def named(initializer: str | Initializer | Mapping[str, Any]) -> str | Drawn:
    """An initializer as a layer holds it: its name, if it was given as the function too, or the object with settings.

    A mapping is what `described` made of one. Raises ValueError that lists the known ones, TypeError for a class.
    """
    if isinstance(initializer, Drawn):
        return initializer
    if isinstance(initializer, type):
        kind = initializer.__name__
        raise TypeError(f"initializer must be an object, got the class {kind}: use {kind}()")
    if isinstance(initializer, Mapping):
        drawn = DRAWN[checks.known("initializer", initializer.get("class"), DRAWN)]
        check_version(drawn, initializer)
        return drawn(**initializer["settings"])
    name = getattr(initializer, "__name__", None)
    if name in INITIALIZERS and INITIALIZERS[name] is initializer:
        return str(name)
    return checks.known("initializer", initializer, INITIALIZERS)
