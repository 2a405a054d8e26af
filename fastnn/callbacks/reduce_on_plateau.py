"""ReduceOnPlateau: lowers the learning rate of a fit that no longer improves."""

from __future__ import annotations

from typing import Any

from fastnn.callbacks.monitor import Monitor
from fastnn.common import checks
from fastnn.model.history import Logs
from fastnn.schedules import Schedule


class ReduceOnPlateau(Monitor):
    """Multiplies the learning rate by `factor` after `patience` epochs without an improvement.

    The rate belongs to the network and is saved in its files; the count of epochs starts again with each fit.

    Parameters
    ----------
    monitor, min_delta, mode
        As in `Monitor`.
    factor : float, default 0.1
        In [0, 1).
    patience : int, default 10
        The number of epochs without an improvement after which the rate falls.
    least : float, default 0
        The rate does not fall below it.

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
