"""Rates along half cosines, with restarts or after a rise, and warm-up before any other schedule."""

from dataclasses import dataclass

import numpy as np

from fastnn.common import checks
from fastnn.schedules.base import Schedule
from fastnn.schedules.decay import Constant


@dataclass(eq=False, repr=False)
class Cosine(Schedule):
    """end + (rate - end) (1 + cos(pi t / steps)) / 2, and `end` after `steps` updates.

    Parameters
    ----------
    rate : float
        The rate of the first update.
    steps : int
        The number of updates until the rate is `end`.
    end : float, default 0
        The last rate.
    restarts : bool, default False
        Whether to start again at `rate` after each cycle, instead of staying at `end`.
    growth : float, default 1
        How many times as long as the cycle before each cycle is, >= 1. Needs restarts.

    Raises
    ------
    TypeError, ValueError
        For a negative rate or end, steps < 1, growth < 1, and a growth without restarts.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, eq. 5.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.schedules.Cosine(0.5, steps=2).rates(0, 4)
    array([0.5 , 0.25, 0.  , 0.  ])
    """

    rate: float
    steps: int
    end: float = 0.0
    restarts: bool = False
    growth: float = 1.0

    def check(self) -> None:
        self.real("rate", least=0)
        self.integer("steps")
        self.real("end", least=0)
        checks.flag("Cosine: restarts", self.restarts)
        self.real("growth", least=1)
        if self.growth != 1 and not self.restarts:
            raise ValueError("Cosine: growth needs restarts=True")

    def at(self, t: np.ndarray) -> np.ndarray:
        done = np.minimum(t / self.steps, 1)
        if self.restarts:
            done = t % self.steps / self.steps if self.growth == 1 else self._cycles(t)
        return self.end + (self.rate - self.end) * (1 + np.cos(np.pi * done)) / 2

    def _cycles(self, t: np.ndarray) -> np.ndarray:
        """The fraction of its cycle that is done at t."""
        starts, length = [0.0], float(self.steps)
        while starts[-1] <= t[-1]:
            starts.append(starts[-1] + length)
            length *= self.growth
        cycle = np.searchsorted(starts, t, side="right") - 1
        bounds = np.array(starts)
        done: np.ndarray = (t - bounds[cycle]) / (bounds[cycle + 1] - bounds[cycle])
        return done


@dataclass(eq=False, repr=False)
class WarmUp(Schedule):
    """(t + 1) / steps times the first rate of `then` for `steps` updates, and then `then` from its beginning.

    Parameters
    ----------
    steps : int
        The number of updates of the warm-up.
    then : float or Schedule
        The rate afterwards.

    Raises
    ------
    TypeError, ValueError
        For steps < 1, and a `then` that is neither a number >= 0 nor a Schedule.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.schedules.WarmUp(2, fnn.schedules.Exponential(0.5, factor=0.5)).rates(0, 4)
    array([0.25, 0.5 , 0.5 , 0.25])
    """

    steps: int
    then: float | Schedule

    def check(self) -> None:
        self.integer("steps")
        if not isinstance(self.then, Schedule):
            object.__setattr__(self, "then", Constant(self.then))

    def at(self, t: np.ndarray) -> np.ndarray:
        assert isinstance(self.then, Schedule)
        then: np.ndarray = self.then.at(np.maximum(t - self.steps, 0))
        return then * np.minimum((t + 1) / self.steps, 1)


@dataclass(eq=False, repr=False)
class OneCycle(Schedule):
    """Up from rate / div_factor to rate, and down to rate / div_factor / final_div_factor, along half cosines.

    After `steps` updates the rate stays where it ended.

    Parameters
    ----------
    rate : float
        The highest rate.
    steps : int
        The number of updates of the cycle.
    rise : float, default 0.3
        The fraction of the steps in which the rate rises.
    div_factor : float, default 25
        rate / the first rate, >= 1.
    final_div_factor : float, default 10000
        The first rate / the last rate, >= 1.

    Raises
    ------
    TypeError, ValueError
        For settings outside these ranges, and steps too few to rise and to fall.

    References
    ----------
    L. N. Smith and N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates",
    2018.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.schedules.OneCycle(0.5, steps=5, rise=0.4, div_factor=2, final_div_factor=1).rates(0, 5)
    array([0.25  , 0.5   , 0.4375, 0.3125, 0.25  ])
    """

    rate: float
    steps: int
    rise: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def check(self) -> None:
        self.real("rate", least=0)
        self.integer("steps")
        self.real("rise", least=0, below=1)
        self.real("div_factor", least=1)
        self.real("final_div_factor", least=1)
        if not 1 < self.rise * self.steps <= self.steps - 1:
            raise ValueError(f"OneCycle: rise={self.rise:g} of {self.steps} steps leaves too few to rise or to fall")

    def at(self, t: np.ndarray) -> np.ndarray:
        start, top = self.rate / self.div_factor, self.rise * self.steps - 1
        end, fallen = start / self.final_div_factor, np.minimum((t - top) / (self.steps - 1 - top), 1)
        up = start + (self.rate - start) * (1 - np.cos(np.pi * t / top)) / 2
        down = end + (self.rate - end) * (1 + np.cos(np.pi * fallen)) / 2
        return np.where(t <= top, up, down)
