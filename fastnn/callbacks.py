"""Callbacks, called around the epochs and steps of `fit`; and the History that it returns."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn import metrics
from fastnn.common import checks
from fastnn.model.history import History as History, Logs
from fastnn.network import Network
from fastnn.schedules import Schedule
from fastnn.training.hooks import Hooks
from fastnn.training.resume import Saver


class Callback(Hooks):
    """Hooks of `fit`; a subclass overrides what it needs.

    Only a callback that defines `on_batch_end` makes the native loop return after every step.

    Attributes
    ----------
    net : Network
        The network that is trained; net.stop_training = True ends the fit.
    names : tuple of str
        The logs of an epoch, known before the first, without what callbacks add.

    Examples
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
    """A callback that watches one value of the logs: whether it has improved, and for how many epochs it has not.

    monitor: a name in the logs, such as "val_loss", or one that an earlier callback of the list adds. mode: "min",
    "max", or "auto": metrics whose name says so should grow, all other values fall. min_delta: the least change that is
    an improvement.
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
        """Starts a new count. Raises ValueError for a monitor that will not be in the logs."""
        others = [each for each in self.callbacks if not isinstance(each, Monitor)]
        if self.monitor not in self.names and not any(type(c).on_epoch_end is not Hooks.on_epoch_end for c in others):
            raise self.unknown(self.names)
        grows = self.mode == "max" or (self.mode == "auto" and metrics.grows(self.monitor))
        self.sign = 1 if grows else -1
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


class EarlyStopping(Monitor):
    """Ends a fit after `patience` epochs without an improvement, and restores the weights of the best epoch.

    Parameters
    ----------
    monitor : str, default "val_loss"
        A name in the logs.
    patience : int, default 10
        The number of epochs without an improvement after which the fit ends.
    min_delta : float, default 0
        The least change that is an improvement.
    restore_best : bool, default True
        Whether the best epoch's weights are restored at the end, also of a fit that was not stopped. Slots stay as they
        are.
    mode : {"auto", "min", "max"}
        Whether less or more is better. "auto": more for names that end in that of a metric such as accuracy or f1, less
        for all others.

    Raises
    ------
    TypeError, ValueError
        For invalid settings, and in `fit` for a monitor that will not be in the logs.

    References
    ----------
    L. Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> import fastnn as fnn
    >>> (x, y), test = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile(fnn.Adam(0.1))
    >>> stop = fnn.EarlyStopping(patience=2)
    >>> history = net.fit(x, y, epochs=50, validation_data=test, callbacks=[stop], verbose=0)
    >>> len(history.epoch) < 50
    True
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

    def state(self) -> dict[str, Any]:
        return {**super().state(), "weights": self.weights}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.weights = state.get("weights", {})

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
    """Multiplies the learning rate by `factor` after `patience` epochs without an improvement.

    The rate belongs to the network and is saved in its files; the count of epochs starts again with each fit.

    Parameters
    ----------
    monitor : str, default "val_loss"
        A name in the logs.
    factor : float, default 0.1
        In [0, 1).
    patience : int, default 10
        The number of epochs without an improvement after which the rate falls.
    min_delta : float, default 0
        The least change that is an improvement.
    least : float, default 0
        The rate does not fall below it.
    mode : {"auto", "min", "max"}
        Whether less or more is better. "auto": more for names that end in that of a metric such as accuracy or f1, less
        for all others.

    Raises
    ------
    TypeError, ValueError
        For invalid settings, and in `fit` for a monitor that will not be in the logs.
    TypeError
        In `fit`, if the optimizer has a Schedule.

    Examples
    --------
    >>> import fastnn as fnn
    >>> (x, y), test = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile(fnn.Adam(1.0))
    >>> plateau = fnn.ReduceOnPlateau(factor=0.5, patience=1)
    >>> history = net.fit(x, y, epochs=10, validation_data=test, callbacks=[plateau], verbose=0)
    >>> net.optimizer.learning_rate < 1
    True
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


class Checkpoint(Monitor, Saver):
    """Saves the network after each epoch that is the best so far; or the whole run as it goes, to be resumed.

    Parameters
    ----------
    path : path
        The file, which is written whole or not at all. `load` reads it.
    monitor : str, default "val_loss"
        A name in the logs. Not used with `every`.
    mode : {"auto", "min", "max"}
        Whether less or more is better. "auto": more for names that end in that of a metric such as accuracy or f1, less
        for all others.
    every : {"epoch"}, int or str, optional
        Saves the run after each epoch, after that number of steps, or after a time such as "30 s", "5 min" or "2 h".
        None: after each epoch that is the best so far, over all fits with this object.
    resume : bool, default False
        Whether `fit` returns to the run in the file, if there is one, and continues it: with weights, optimizer, order
        of the data, callbacks and History as they were, so that the result has the same bits as that of a run that was
        never interrupted. The fit must be the same: network, data, settings and kinds of callbacks; only `epochs` may
        grow. A run that had ended returns its History at once.
    keep : int, default 1
        The number of files: with 3, those before the newest are run.1.safetensors and run.2.safetensors. Needs `every`.

    Raises
    ------
    TypeError, ValueError
        For invalid settings; in `fit` for a monitor that will not be in the logs, and for a file of another fit, which
        the message compares with this one, or a damaged one.
    RuntimeError
        In `fit`, where another run writes the same file.
    OSError
        In `fit`, where the file cannot be written.

    Notes
    -----
    The file is written by a thread while training continues, so that little time is lost. Own callbacks that remember
    something define `state` and `restore`.

    Examples
    --------
    >>> import os, tempfile, fastnn as fnn
    >>> (x, y), test = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile("adam")
    >>> path = os.path.join(tempfile.mkdtemp(), "run")
    >>> history = net.fit(x, y, callbacks=[fnn.Checkpoint(path, every="5 min", resume=True)], verbose=0)
    >>> fnn.load(path)
    Sequential(Dense(10, activation='softmax'))
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        mode: str = "auto",
        every: str | int | None = None,
        resume: bool = False,
        keep: int = 1,
    ) -> None:
        super().__init__(monitor, 0, 0.0, mode)
        self.path = os.fspath(path)
        self.every = None if every is None else _interval(every)
        self.resume = checks.flag("Checkpoint: resume", resume)
        self.keep = checks.integer("Checkpoint: keep", keep)
        if every is None and (resume or keep > 1):
            raise ValueError('Checkpoint: resume and keep need every="epoch", a number of steps, or a time')
        self.best_of_all = -math.inf

    def state(self) -> dict[str, Any]:
        return {**super().state(), "best_of_all": self.best_of_all} if self.every is None else {}

    def restore(self, state: dict[str, Any]) -> None:
        if self.every is None:
            super().restore(state)
            self.best_of_all = state["best_of_all"]

    def on_train_begin(self) -> None:
        if self.every is None:
            super().on_train_begin()
            self.best = self.best_of_all

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.every is None and self.improved(logs):
            self.net.save(self.path)
            self.best_of_all = self.best


def _interval(every: Any) -> str | int | float:
    """What it says: each epoch, steps, or seconds."""
    if every == "epoch":
        return "epoch"
    if isinstance(every, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h)", every)
        if match is None or not float(match[1]):
            raise ValueError(f'Checkpoint: every must be "epoch", steps, or a time such as "5 min", got {every!r}')
        return float(match[1]) * {"s": 1, "min": 60, "h": 3600}[match[2]]
    return checks.integer("Checkpoint: every", every)
