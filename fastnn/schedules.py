"""Learning rates that follow a plan: functions of the number of updates since `compile`, t = 0, 1, 2, ...

An optimizer takes one in the place of its learning rate: Adam(fnn.schedules.Cosine(1e-3, steps=10_000)). Rates and
lengths count updates: an epoch has ceil(samples / batch_size) of them. The network keeps the count, in its files too.
For rates that follow a validation figure instead: `fnn.callbacks.ReduceOnPlateau`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.common.settings import FixedSettings, check_version

#: Rates are computed so many at once, from a multiple of it on: the same bits however they are asked for.
BLOCK = 1024


@dataclass(eq=False, repr=False)
class Schedule(FixedSettings):
    """A learning rate for each update."""

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raises TypeError or ValueError for a setting that makes no sense."""

    def real(self, name: str, **limits: float) -> None:
        """Checks a number among the settings, and makes it a float."""
        value = checks.real(f"{type(self).__name__}: {name}", getattr(self, name), **limits)
        object.__setattr__(self, name, value)

    def integer(self, name: str) -> None:
        """Checks a number of updates among the settings."""
        object.__setattr__(self, name, checks.integer(f"{type(self).__name__}: {name}", getattr(self, name)))

    def at(self, t: np.ndarray) -> np.ndarray:
        """The rates of the updates t, float64."""
        raise NotImplementedError(f"{type(self).__name__}.at")

    def rates(self, start: int, count: int) -> np.ndarray:
        """The rates of `count` updates from `start` on, float64 (count,)."""
        first = start // BLOCK
        blocks, good = zip(*(_block(self, i) for i in range(first, (start + count - 1) // BLOCK + 1)), strict=True)
        rates: np.ndarray = np.concatenate(blocks)[start - first * BLOCK :][:count]
        if not all(good) and not _sound(rates):
            raise ValueError(f"{type(self).__name__}: at(t) gave a rate that is negative or not finite")
        return rates


def _sound(rates: np.ndarray) -> bool:
    return bool(((rates >= 0) & (rates <= checks.LARGEST)).all())


@lru_cache(maxsize=256)
def _block(schedule: Schedule, index: int) -> tuple[np.ndarray, bool]:
    """The rates of a block of updates, and whether they are sound: those that are never reached need not be."""
    rates = np.asarray(schedule.at(np.arange(index * BLOCK, (index + 1) * BLOCK, dtype=np.float64)))
    if rates.shape != (BLOCK,) or rates.dtype.kind not in "iuf":
        name, got = type(schedule).__name__, f"{rates.dtype} {rates.shape}"
        raise ValueError(f"{name}: at(t) must give a number for each of the {BLOCK} updates t, got {got}")
    rates = rates.astype(np.float64)
    return rates, _sound(rates)


@dataclass(eq=False, repr=False)
class Constant(Schedule):
    """rate, always."""

    rate: float

    def check(self) -> None:
        self.real("rate", least=0)

    def at(self, t: np.ndarray) -> np.ndarray:
        return np.full(len(t), self.rate)


@dataclass(eq=False, repr=False)
class Step(Schedule):
    """rate factor^floor(t / every): times `factor` after each `every` updates."""

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
    """rate factor^(t / every): as Step, without the steps. A factor above 1 lets the rate grow."""

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
    """end + (rate - end) (1 - t / steps)^power, and end after `steps` updates; power 1 is a straight line."""

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
class Cosine(Schedule):
    """end + (rate - end) (1 + cos(pi t / steps)) / 2, and end after `steps` updates.

    restarts: then from the beginning again, each cycle `growth` times as long as the one before. Loshchilov & Hutter
    2017, eq. 5.
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
            raise ValueError("Cosine: a growth needs restarts=True")

    def at(self, t: np.ndarray) -> np.ndarray:
        done = np.minimum(t / self.steps, 1)
        if self.restarts:
            done = t % self.steps / self.steps if self.growth == 1 else self._cycles(t)
        return self.end + (self.rate - self.end) * (1 + np.cos(np.pi * done)) / 2

    def _cycles(self, t: np.ndarray) -> np.ndarray:
        """How much of its cycle is done at t."""
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
    """(t + 1) / steps times the first rate of `then` for `steps` updates; then `then`, a rate or a Schedule, from 0."""

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

    rise: the part of the `steps` updates that goes up. Afterwards the rate stays where it ended. Smith & Topin 2018.
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
            raise ValueError(f"OneCycle: {self.steps} steps are too few to rise for {self.rise:g} of them, and to fall")

    def at(self, t: np.ndarray) -> np.ndarray:
        start, top = self.rate / self.div_factor, self.rise * self.steps - 1
        end, fallen = start / self.final_div_factor, np.minimum((t - top) / (self.steps - 1 - top), 1)
        up = start + (self.rate - start) * (1 - np.cos(np.pi * t / top)) / 2
        down = end + (self.rate - end) * (1 + np.cos(np.pi * fallen)) / 2
        return np.where(t <= top, up, down)


#: The schedules that a file may name.
SCHEDULES: dict[str, type[Schedule]] = {
    schedule.__name__: schedule for schedule in (Constant, Step, Exponential, Polynomial, Cosine, WarmUp, OneCycle)
}


def nested(setting: Any) -> list[Schedule]:
    """The schedules in a setting, those in others too."""
    if not isinstance(setting, Schedule):
        return []
    return [setting, *(inner for value in setting.settings().values() for inner in nested(value))]


def describe(setting: Any) -> Any:
    """A setting as a file holds it: a Schedule by its class and settings."""
    if not isinstance(setting, Schedule):
        return setting
    return {**setting.describe(), "settings": {name: describe(value) for name, value in setting.settings().items()}}


def restore(entry: Any, custom: Mapping[str, type[Schedule]]) -> Any:
    """The setting that `describe` described. custom: the user's own schedules by name.

    Raises ValueError for an unknown class or a later version, TypeError for settings that it does not have.
    """
    if not isinstance(entry, Mapping):
        return entry
    known = {**custom, **SCHEDULES}
    if entry["class"] not in known:
        raise ValueError(f"unknown schedule {entry['class']!r}; known: {', '.join(known)}; own ones go into schedules=")
    kind = known[entry["class"]]
    check_version(kind, entry)
    return kind(**{name: restore(value, custom) for name, value in entry["settings"].items()})
