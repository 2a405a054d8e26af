"""Callbacks: what happens around the epochs and steps of `fit`; and the History that it returns."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.model.history import History as History, Logs
from fastnn.network import Network
from fastnn.schedules import Schedule
from fastnn.training.hooks import Hooks


class Callback(Hooks):
    """Hooks of `fit`; a subclass overrides what it needs.

    Only a callback that defines `on_batch_end` makes the native loop return after every step.

    Attributes:
    ----------
    net : Network
        The network that is trained; net.stop_training = True ends the fit.
    names : tuple of str
        The logs of an epoch, known before the first, without what callbacks add.

    Examples:
    --------
    >>> import fastnn as fnn
    >>> class Rate(fnn.Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         logs["rate"] = self.net.optimizer.learning_rate
    >>> (x, y), _ = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile(fnn.SGD(0.1))
    >>> net.fit(x, y, callbacks=[Rate()], verbose=0).history["rate"]
    [0.1]
    """

    net: Network


class Monitor(Callback):
    """What callbacks that watch a figure of the logs share: whether it has improved, and for how long it has not.

    monitor: a name in the logs, such as "val_loss", or one that an earlier callback of the list adds to them. mode:
    "min", "max", or "auto", where what ends in "accuracy" is to grow and anything else to fall. min_delta: the least
    change that is an improvement.
    """

    def __init__(self, monitor: str, patience: int, min_delta: float, mode: str) -> None:
        name = type(self).__name__
        if not isinstance(monitor, str):
            raise TypeError(f"{name}: monitor must be a name in the logs, got {monitor!r}")
        self.monitor = monitor
        self.patience = checks.integer(f"{name}: patience", patience, least=0)
        self.min_delta = checks.real(f"{name}: min_delta", min_delta, least=0)
        self.mode = checks.known(f"{name}: mode", mode, ("auto", "min", "max"))

    def on_train_begin(self) -> None:
        """Starts a new count. Raises ValueError for a monitor that the logs will not hold."""
        others = [each for each in self.callbacks if not isinstance(each, Monitor)]
        if self.monitor not in self.names and not any(type(c).on_epoch_end is not Hooks.on_epoch_end for c in others):
            raise self.unknown(self.names)
        grows = self.mode == "max" or (self.mode == "auto" and self.monitor.endswith("accuracy"))
        self.sign = 1 if grows else -1
        self.best, self.waited = -math.inf, 0  # of sign * the value

    def unknown(self, names: Iterable[str]) -> ValueError:
        """The error for a monitor that is not among these names."""
        advice = "; val_ needs validation_data" if self.monitor.removeprefix("val_") in names else ""
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


class EarlyStopping(Monitor):
    """Ends a fit after `patience` epochs without an improvement; restore_best puts the best epoch's weights back.

    Without an end before the last epoch, the best weights are put back all the same. The slots stay as they are.
    Raises TypeError and ValueError for settings that make no sense. Prechelt 1998.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, patience, min_delta, mode)
        self.restore_best = checks.flag("EarlyStopping: restore_best", restore_best)

    def on_train_begin(self) -> None:
        super().on_train_begin()
        self.weights: dict[str, np.ndarray] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.improved(logs):
            if self.restore_best:
                self.weights = {name: view.copy() for name, view in self.net.weights.items()}
        elif self.waited >= self.patience:
            self.net.stop_training = True

    def on_train_end(self) -> None:
        for name, values in self.weights.items():
            self.net.weights[name] = values
        self.weights = {}


class ReduceOnPlateau(Monitor):
    """Multiplies the learning rate by `factor` after `patience` epochs without an improvement, down to `least`.

    The rate is the network's and goes into its files; the patience begins anew with each fit.
    Raises TypeError and ValueError for settings that make no sense, TypeError for an optimizer with a Schedule.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 0.0,
        least: float = 0.0,
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, patience, min_delta, mode)
        self.factor = checks.real("ReduceOnPlateau: factor", factor, least=0, below=1)
        self.least = checks.real("ReduceOnPlateau: least", least, least=0)

    def on_train_begin(self) -> None:
        super().on_train_begin()
        if isinstance(self.net.optimizer.learning_rate, Schedule):
            raise TypeError("ReduceOnPlateau: the learning rate follows a Schedule; compile with a number")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if not self.improved(logs) and self.waited >= self.patience:
            optimizer: Any = self.net.optimizer
            optimizer.learning_rate = min(
                optimizer.learning_rate, max(optimizer.learning_rate * self.factor, self.least)
            )
            self.waited = 0


class Checkpoint(Monitor):
    """Saves the network to `path` after each epoch that is the best so far, over all fits of this object.

    Raises OSError where it cannot.
    """

    def __init__(self, path: str | os.PathLike[str], monitor: str = "val_loss", mode: str = "auto") -> None:
        super().__init__(monitor, 0, 0.0, mode)
        self.path = os.fspath(path)
        self.best_of_all = -math.inf

    def on_train_begin(self) -> None:
        super().on_train_begin()
        self.best = self.best_of_all

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.improved(logs):
            self.net.save(self.path)
            self.best_of_all = self.best
