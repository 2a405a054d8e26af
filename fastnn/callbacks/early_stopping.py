"""EarlyStopping: ends a fit that no longer improves."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.callbacks.monitor import Monitor
from fastnn.common import checks
from fastnn.model.history import Logs


class EarlyStopping(Monitor):
    """Ends a fit after `patience` epochs without an improvement, and restores the weights of the best epoch.

    Parameters
    ----------
    monitor, min_delta, mode
        As in `Monitor`.
    patience : int, default 10
        The number of epochs without an improvement after which the fit ends.
    restore_best : bool, default True
        Whether the best epoch's weights are restored at the end, also of a fit that was not stopped. Slots stay as they
        are.

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
