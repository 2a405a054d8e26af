"""What a schedule is: its settings, and its rates, which are computed in blocks and cached."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fastnn.common import checks
from fastnn.common.settings import FixedSettings

#: Updates whose rates are computed at once, from a multiple of it on: the same bits however they are asked for.
BLOCK = 1024


@dataclass(eq=False, repr=False)
class Schedule(FixedSettings):
    """A learning rate for each update; a subclass defines `at(t)`.

    Your own schedule is a dataclass, @dataclass(eq=False, repr=False), whose fields are its settings. `load` needs its
    class: schedules={"Name": Name}.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import fastnn as fnn
    >>> @dataclass(eq=False, repr=False)
    ... class Inverse(fnn.schedules.Schedule):
    ...     rate: float
    ...     def at(self, t):
    ...         return self.rate / (1 + t)
    >>> Inverse(0.5).rates(0, 2)
    array([0.5 , 0.25])
    """

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raises TypeError or ValueError for an invalid setting."""

    def real(self, name: str, **limits: float) -> None:
        """Checks a number among the settings, and makes it a float."""
        value = checks.real(f"{type(self).__name__}: {name}", getattr(self, name), **limits)
        object.__setattr__(self, name, value)

    def integer(self, name: str) -> None:
        """Checks a number of updates among the settings."""
        object.__setattr__(self, name, checks.integer(f"{type(self).__name__}: {name}", getattr(self, name)))

    def at(self, t: np.ndarray) -> np.ndarray:
        """Compute the rates of updates.

        Parameters
        ----------
        t : array, float64 (n,)
            Numbers of updates, from 0 on.

        Returns
        -------
        array, float64 (n,)
            Numbers >= 0.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> fnn.schedules.Step(0.5, every=2, factor=0.5).at(np.arange(4))
        array([0.5 , 0.5 , 0.25, 0.25])
        """
        raise NotImplementedError(f"{type(self).__name__}.at is not defined")

    def rates(self, start: int, count: int) -> np.ndarray:
        """Compute the rates of consecutive updates, with the same bits however many are computed at once.

        Parameters
        ----------
        start : int
            The first update.
        count : int
            The number of updates.

        Returns
        -------
        array, float64 (count,)

        Raises
        ------
        ValueError
            Where `at` gives a rate that is negative or not finite, or an array of another shape than t.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.schedules.Exponential(0.5, factor=0.5).rates(1, 2)
        array([0.25 , 0.125])
        """
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
    """The rates of a block of updates, and whether they are valid: a fit may end before those that are not."""
    rates = np.asarray(schedule.at(np.arange(index * BLOCK, (index + 1) * BLOCK, dtype=np.float64)))
    if rates.shape != (BLOCK,) or rates.dtype.kind not in "iuf":
        name, got = type(schedule).__name__, f"{rates.dtype} {rates.shape}"
        raise ValueError(f"{name}: at(t) must give a number for each of the {BLOCK} updates t, got {got}")
    rates = rates.astype(np.float64)
    return rates, _sound(rates)
