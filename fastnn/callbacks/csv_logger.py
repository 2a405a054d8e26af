"""CSVLogger: the values of each epoch in a table."""

from __future__ import annotations

import math
import os
from typing import Any

from fastnn.callbacks.callback import Callback
from fastnn.common import checks
from fastnn.model.history import History, Logs, Path, numbers, write_rows


class CSVLogger(Callback):
    """Writes a CSV file with a row for each epoch, as soon as it ends: its number, the loss, the metrics.

    `History.read`, pandas and spreadsheets read it. The columns are what the logs hold, with what the callbacks before
    it in the list add. A name that comes in a later epoch adds a column; where an epoch has no value, it is nan.

    Parameters
    ----------
    path : path
        The file. The first epoch of a fit overwrites it.
    append : bool, default False
        Whether the rows that the file has are kept. Give `fit` the initial_epoch for numbers that continue.

    Raises
    ------
    TypeError
        For settings of another type.
    ValueError
        In `fit`, before training, where the file to append to is not such a table.
    OSError
        In `fit`, where the file cannot be written.

    Examples
    --------
    >>> import pathlib, numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, initializer="zeros")], input_shape=(2,)).compile(fnn.SGD(0), "mse")
    >>> history = net.fit(np.ones((4, 2)), np.ones(4), epochs=2, callbacks=[fnn.CSVLogger("log.csv")], verbose=0)
    >>> print(pathlib.Path("log.csv").read_text())
    epoch,loss
    0,1.0
    1,1.0
    """

    def __init__(self, path: Path, append: bool = False) -> None:
        self.path = os.fspath(path)
        self.append = checks.flag("CSVLogger: append", append)

    def on_train_begin(self) -> None:
        self.begun = self.append and os.path.exists(self.path) and os.path.getsize(self.path) > 0
        self.columns = list(History.read(self.path).history) if self.begun else []

    def state(self) -> dict[str, Any]:
        return {"rows": len(History.read(self.path).epoch) if self.begun else 0}

    def restore(self, state: dict[str, Any]) -> None:
        """Keeps the rows of the run that is resumed, and drops those written after it was saved."""
        self.begun = state["rows"] > 0 and os.path.exists(self.path)
        if self.begun:
            table = History.read(self.path)
            del table.epoch[state["rows"] :]
            table.history = {name: values[: state["rows"]] for name, values in table.history.items()}
            table.save(self.path)
            self.columns = list(table.history)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        values = numbers(logs)
        missing = [name for name in {**dict.fromkeys(self.names), **values} if name not in self.columns]
        if missing or not self.begun:
            table = History.read(self.path) if self.begun else History()
            table.history |= {name: [math.nan] * len(table.epoch) for name in missing}
            table.save(self.path)
            self.begun, self.columns = True, list(table.history)
        # It is opened for each row: nothing is left open or unwritten, however the fit ends.
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            write_rows(file, [[epoch, *(values.get(name, math.nan) for name in self.columns)]])
