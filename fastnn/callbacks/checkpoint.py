"""Checkpoint: the best network, or the run, in a file."""

from __future__ import annotations

import math
import os
import re
from typing import Any

from fastnn.callbacks.monitor import Monitor
from fastnn.common import checks
from fastnn.model.history import Logs
from fastnn.training.resume import Saver


class Checkpoint(Monitor, Saver):
    """Saves the network after each epoch that is the best so far; or the whole run as it goes, to be resumed.

    Parameters
    ----------
    path : path
        The file, which is written whole or not at all. `load` reads it.
    monitor, mode
        As in `Monitor`; not used with `every`.
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
