"""History: what an epoch measured, for each epoch of a fit."""

import math
from typing import Any

Logs = dict[str, float]


class History:
    """What `fit` returns.

    history: a list with a value per epoch, for each name in the logs; NaN where an epoch had none. epoch: the epochs'
    numbers.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def record(self, epoch: int, logs: Logs) -> None:
        """Takes the logs of an epoch; of the last one again, they take the place of what was recorded.

        Raises TypeError for a value that is not a number.
        """
        values = {name: _number(name, value) for name, value in logs.items()}
        if self.epoch[-1:] != [epoch]:
            self.epoch.append(epoch)
        for name in {**self.history, **values}:
            before = self.history.setdefault(name, [])[: len(self.epoch) - 1]
            missing = [math.nan] * (len(self.epoch) - 1 - len(before))
            self.history[name][:] = [*before, *missing, values.get(name, math.nan)]

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.history.items())
        return f"History({len(self.epoch)} epochs{last and ': ' + last})"


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"logs[{name!r}]: expected a number, got {value!r:.60}") from None
