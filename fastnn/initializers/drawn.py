"""Initializers with settings: objects that are called as the functions are."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from fastnn.common import checks
from fastnn.common.settings import FixedSettings
from fastnn.initializers.functions import normal, orthogonal


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
        return normal(rng, shape, self.std**2)


@dataclass(eq=False, repr=False)
class Uniform(Drawn):
    """Uniform from low to high, both included.

    Parameters
    ----------
    low, high : float
        The bounds, low < high.

    Raises
    ------
    TypeError, ValueError
        Unless low and high are finite numbers and low < high in float32.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(64, initializer=fnn.initializers.Uniform(-0.05, 0.05))
    >>> weight = fnn.Sequential([layer], input_shape=(3,), seed=0).weights["dense_0.weight"]
    >>> bool((abs(weight) <= 0.05).all())
    True
    """

    low: float
    high: float

    least: ClassVar[float] = -checks.LARGEST

    def __post_init__(self) -> None:
        super().__post_init__()
        if not np.float32(self.low) < np.float32(self.high):
            raise ValueError(f"Uniform: low must be less than high, got {self.low:g} and {self.high:g}")

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return rng.uniform(self.low, self.high, shape).astype(np.float32)
