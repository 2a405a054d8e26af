"""What happens around the steps of `fit`: callbacks, the History, and the progress bar."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks
from fastnn.schedules import Schedule

if TYPE_CHECKING:
    from fastnn.network import Network

Logs = dict[str, float]


class Callback:
    """Hooks of `fit`; a subclass overrides what it needs. `net` is the network; net.stop_training = True ends the fit.

    names: what the logs of an epoch will hold, known before the first.

    Only a callback that defines `on_batch_end` makes the native loop return after every step.
    """

    net: Network
    names: tuple[str, ...]

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_train_end(self) -> None:
        """After the last epoch, not after an error."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before an epoch, counted from 0 within this fit."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch and its validation. logs: "loss", each metric, and both with "val_"."""

    def on_batch_end(self, step: int, logs: Logs) -> None:
        """After a step, counted from 0 within this epoch. logs: "loss" and each metric of this batch."""


class History(Callback):
    """history: a list with a value per epoch, for each name in the logs; epoch: their numbers."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.history.items())
        return f"History({len(self.epoch)} epochs{last and ': ' + last})"


class Monitor(Callback):
    """What callbacks that watch a figure of the logs share: whether it has improved, and for how long it has not.

    monitor: a name in the logs, such as "val_loss". mode: "min", "max", or "auto", where an accuracy is to grow and
    anything else to fall. min_delta: what is less is no improvement.
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
        """Begins anew. Raises ValueError for a monitor that the logs will not hold."""
        if self.monitor not in self.names:
            advice = "; val_ needs validation_data" if self.monitor.removeprefix("val_") in self.names else ""
            raise ValueError(
                f"{type(self).__name__}: unknown monitor {self.monitor!r}; known: {', '.join(self.names)}{advice}"
            )
        self.sign = 1 if self.mode == "max" or (self.mode == "auto" and "accuracy" in self.monitor) else -1
        self.best, self.waited = -math.inf, 0  # of sign * the figure

    def improved(self, logs: Logs) -> bool:
        """Whether this epoch is the best so far; `waited` counts the epochs since."""
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
        if isinstance(self.net.optimizer.learning_rate, Schedule):  # type: ignore[union-attr]
            raise TypeError("ReduceOnPlateau: the learning rate follows a Schedule; compile with a number")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if not self.improved(logs) and self.waited >= self.patience:
            optimizer: Any = self.net.optimizer
            optimizer.learning_rate = min(
                optimizer.learning_rate, max(optimizer.learning_rate * self.factor, self.least)
            )
            self.waited = 0


class Checkpoint(Monitor):
    """Saves the network to `path` after each epoch that is the best so far. Raises OSError where it cannot."""

    def __init__(self, path: str | os.PathLike[str], monitor: str = "val_loss", mode: str = "auto") -> None:
        super().__init__(monitor, 0, 0.0, mode)
        self.path = os.fspath(path)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.improved(logs):
            self.net.save(self.path)


class Progress:
    """A tqdm bar over the samples of all epochs: loss, metrics, samples/s and time left."""

    def __init__(self, samples: int, epochs: int) -> None:
        from tqdm.auto import tqdm

        self.samples, self.epochs = samples, epochs
        self.bar: Any = tqdm(total=samples * epochs, unit=" samples", unit_scale=True, dynamic_ncols=True, leave=True)

    def update(self, epoch: int, done: int, logs: Logs) -> None:
        """`done` samples of this epoch are done."""
        self.bar.set_description(f"epoch {epoch + 1}/{self.epochs}", refresh=False)
        self.bar.set_postfix({name: f"{value:.4f}" for name, value in logs.items()}, refresh=False)
        self.bar.update(epoch * self.samples + done - self.bar.n)

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self.bar.close()
