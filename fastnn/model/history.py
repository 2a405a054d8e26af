"""The values that each epoch of a fit measured."""

import math
from typing import Any

Logs = dict[str, float]


class History:
    """What `fit` returns: the loss and metrics of each epoch.

    Attributes
    ----------
    history : dict of str to list of float
        For each name in the logs a value per epoch; NaN for epochs without one.
    epoch : list of int
        The epochs' numbers.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, initializer="zeros")], input_shape=(2,)).compile(fnn.SGD(0), "mse")
    >>> history = net.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0)
    >>> history.epoch, history.history
    ([0, 1], {'loss': [1.0, 1.0]})
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def record(self, epoch: int, logs: Logs) -> None:
        """Adds the logs of an epoch; those of the last epoch again replace what was recorded.

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
