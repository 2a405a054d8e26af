"""Rates that stay or fall: constant, in steps, exponentially, along a polynomial, as an inverse square root."""

from dataclasses import dataclass

import numpy as np

from fastnn.common import checks
from fastnn.schedules.base import Schedule


@dataclass(eq=False, repr=False)
class Constant(Schedule):
    """The same rate at every update.

    Parameters
    ----------
    rate : float
        At least 0.

    Raises
    ------
    TypeError, ValueError
        For a rate that is not a number >= 0.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.schedules.Constant(0.5).rates(0, 2)
    array([0.5, 0.5])
    """

    rate: float

    def check(self) -> None:
        self.real("rate", least=0)

    def at(self, t: np.ndarray) -> np.ndarray:
        return np.full(len(t), self.rate)


@dataclass(eq=False, repr=False)
class Step(Schedule):
    """rate factor^floor(t / every): multiplied by `factor` after each `every` updates.

    Parameters
    ----------
    rate : float
        The rate of the first updates.
    every : int
        The number of updates with the same rate.
    factor : float, default 0.1
        From 0 to 1.

    Raises
    ------
    TypeError, ValueError
        For rate < 0, every < 1, or a factor outside [0, 1].

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.schedules.Step(0.5, every=2, factor=0.5).rates(0, 4)
    array([0.5 , 0.5 , 0.25, 0.25])
    """

    rate: float
    every: int
    factor: float = 0.1

    def check(self) -> None:
        self.real("rate", least=0)
        self.integer("every")
        self.real("factor", least=0, most=1)

    def at(self, t: np.ndarray) -> np.ndarray:
        return self.rate * self.factor ** (t // self.every)


@dataclass(eq=False, repr=False)
class Exponential(Schedule):
    """rate factor^(t / every): a smooth `Step`. A factor above 1 lets the rate grow.

    Parameters
    ----------
    rate : float
        The rate of the first update.
    factor : float
        What the rate is multiplied by in `every` updates.
    every : int, default 1
        A number of updates.

    Raises
    ------
    TypeError, ValueError
        For a negative rate or factor, and every < 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.schedules.Exponential(0.5, factor=0.5).rates(0, 3)
    array([0.5  , 0.25 , 0.125])
    """

    rate: float
    factor: float
    every: int = 1

    def check(self) -> None:
        self.real("rate", least=0)
        self.real("factor", least=0)
        self.integer("every")

    def at(self, t: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.minimum(self.rate * self.factor ** (t / self.every), checks.LARGEST)


@dataclass(eq=False, repr=False)
class Polynomial(Schedule):
    """end + (rate - end) (1 - t / steps)^power, and `end` after `steps` updates.

    Parameters
    ----------
    rate : float
        The rate of the first update.
    steps : int
        The number of updates until the rate is `end`.
    end : float, default 0
        The last rate.
    power : float, default 1
        1 is a straight line.

    Raises
    ------
    TypeError, ValueError
        For a negative rate, end or power, and steps < 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.schedules.Polynomial(0.5, steps=2).rates(0, 4)
    array([0.5 , 0.25, 0.  , 0.  ])
    """

    rate: float
    steps: int
    end: float = 0.0
    power: float = 1.0

    def check(self) -> None:
        self.real("rate", least=0)
        self.integer("steps")
        self.real("end", least=0)
        self.real("power", least=0)

    def at(self, t: np.ndarray) -> np.ndarray:
        return self.end + (self.rate - self.end) * (1 - np.minimum(t / self.steps, 1)) ** self.power


@dataclass(eq=False, repr=False)
class InverseSqrt(Schedule):
    """rate min((t + 1) / warmup, sqrt(warmup / (t + 1))): up along a line, then down as Transformers are trained.

    Parameters
    ----------
    rate : float
        The highest rate, of update `warmup`. Vaswani et al. take 1 / sqrt(units warmup).
    warmup : int
        The number of updates until then.

    Raises
    ------
    TypeError, ValueError
        For a rate that is not a number >= 0, and warmup < 1.

    References
    ----------
    A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. N. Gomez, L. Kaiser and I. Polosukhin, "Attention Is
    All You Need", NeurIPS 2017, equation 3.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.schedules.InverseSqrt(0.5, warmup=4).rates(0, 16)[[0, 1, 3, 15]]
    array([0.125, 0.25 , 0.5  , 0.25 ])
    """

    rate: float
    warmup: int

    def check(self) -> None:
        self.real("rate", least=0)
        self.integer("warmup")

    def at(self, t: np.ndarray) -> np.ndarray:
        return self.rate * np.minimum((t + 1) / self.warmup, np.sqrt(self.warmup / (t + 1)))
