"""Monitor: what callbacks that watch one value of the logs share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from fastnn.callbacks.callback import Callback
from fastnn.common import checks
from fastnn.model.history import Logs
from fastnn.model.log_names import MODES, grows
from fastnn.training.hooks import Hooks


class Monitor(Callback):
    """The base of callbacks that watch one value of the logs: whether it improved, and the epochs since.

    Parameters
    ----------
    monitor : str
        A name in the logs, such as "val_loss", or one that an earlier callback of the list adds.
    patience : int
        The number of epochs without an improvement after which something is to happen.
    min_delta : float
        The least change that is an improvement.
    mode : {"auto", "min", "max"}
        Whether less or more is better. "auto": more for names that end in that of a metric such as accuracy or f1, less
        for all others.

    Raises
    ------
    TypeError, ValueError
        For invalid settings, and in `fit` for a monitor that will not be in the logs.

    Examples
    --------
    >>> import fastnn as fnn
    >>> class Best(fnn.callbacks.Monitor):
    ...     def on_epoch_end(self, epoch, logs):
    ...         if self.improved(logs):
    ...             self.epoch = epoch
    >>> (x, y), test = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile("adam")
    >>> best = Best("val_loss", patience=0, min_delta=0.0, mode="auto")
    >>> history = net.fit(x, y, epochs=3, validation_data=test, callbacks=[best], verbose=0)
    >>> best.epoch
    2
    """

    def __init__(self, monitor: str, patience: int, min_delta: float, mode: str) -> None:
        name = type(self).__name__
        if not isinstance(monitor, str):
            raise TypeError(f"{name}: monitor must be a name in the logs, got {monitor!r}")
        self.monitor = monitor
        self.patience = checks.integer(f"{name}: patience", patience, least=0)
        self.min_delta = checks.real(f"{name}: min_delta", min_delta, least=0)
        self.mode = checks.known(f"{name}: mode", mode, MODES)

    def on_train_begin(self) -> None:
        """Starts a new count. Raises ValueError for a monitor that will not be in the logs."""
        # What fastnn's own callbacks add is in names.
        others = [each for each in self.callbacks if not type(each).__module__.startswith("fastnn.")]
        if self.monitor not in self.names and not any(type(c).on_epoch_end is not Hooks.on_epoch_end for c in others):
            raise self.unknown(self.names)
        self.sign = 1 if grows(self.monitor, self.mode) else -1
        self.best, self.waited = -math.inf, 0  # of sign * the value

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        self.best, self.waited = state["best"], state["waited"]

    def unknown(self, names: Iterable[str]) -> ValueError:
        """The error for a monitor that is not among these names."""
        advice = "; names with val_ need validation_data" if self.monitor.removeprefix("val_") in names else ""
        return ValueError(f"{type(self).__name__}: unknown monitor {self.monitor!r}; known: {', '.join(names)}{advice}")

    def improved(self, logs: Logs) -> bool:
        """Whether this epoch is the best so far; `waited` counts the epochs since."""
        if self.monitor not in logs:
            raise self.unknown(logs)
        value = self.sign * logs[self.monitor]
        if value > self.best + self.min_delta:  # a NaN is not
            self.best, self.waited = value, 0
            return True
        self.waited += 1
        return False
