"""History: the values that each epoch of a fit measured, and the file that keeps them."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from fastnn.common import checks
from fastnn.model.facts import Facts
from fastnn.model.log_names import MODES, grows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastnn.model.diagnosis import Diagnosis

Logs = dict[str, float]
Path = str | os.PathLike[str]


class History:
    """What `fit` returns: the loss and metrics of each epoch.

    h1 + h2 are the epochs of both, for a training that was continued: those of h2 are numbered on from those of h1.

    Attributes
    ----------
    history : dict of str to list of float
        For each name in the logs a value per epoch; NaN for epochs without one.
    epoch : list of int
        The epochs' numbers.
    facts : Facts or None
        What the fit noted for `diagnose`; None for a history that was read.
    failed : bool
        Whether the fit ended because the loss was no longer finite.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, initializer="zeros")], input_shape=(2,)).compile(fnn.SGD(0), "mse")
    >>> history = net.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0)
    >>> history.epoch, history.history
    ([0, 1], {'loss': [1.0, 1.0]})
    >>> (history + net.fit(np.ones((4, 2)), np.ones(4), verbose=0)).epoch
    [0, 1, 2]
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}
        self.facts: Facts | None = None
        self.failed = False

    def record(self, epoch: int, logs: Logs) -> None:
        """Adds the logs of an epoch; those of the last epoch again replace what was recorded.

        Raises TypeError for a value that is not a number.
        """
        values = numbers(logs)
        if self.epoch[-1:] != [epoch]:
            self.epoch.append(epoch)
        for name in {**self.history, **values}:
            before = self.history.setdefault(name, [])[: len(self.epoch) - 1]
            missing = [math.nan] * (len(self.epoch) - 1 - len(before))
            self.history[name][:] = [*before, *missing, values.get(name, math.nan)]

    def best(self, monitor: str, mode: str = "auto") -> tuple[int, float]:
        """Find the best epoch; the first of equal ones. NaN is never the best.

        Parameters
        ----------
        monitor : str
            A name in the logs, such as "val_loss".
        mode : {"auto", "min", "max"}
            Whether less or more is better. "auto": more for names that end in "accuracy", less for all others.

        Returns
        -------
        epoch : int
        value : float

        Raises
        ------
        ValueError
            For an unknown name or mode, and where there is no value.

        Examples
        --------
        >>> import fastnn as fnn
        >>> history = fnn.History()
        >>> for epoch, loss in enumerate([0.9, 0.5, 0.7]):
        ...     history.record(epoch, {"val_loss": loss})
        >>> history.best("val_loss")
        (1, 0.5)
        """
        if monitor not in self.history:
            raise ValueError(f"best: unknown name {monitor!r}; known: {', '.join(self.history) or 'none'}")
        sign = 1 if grows(monitor, checks.known("best: mode", mode, MODES)) else -1
        values = [(sign * value, -i) for i, value in enumerate(self.history[monitor]) if not math.isnan(value)]
        if not values:
            raise ValueError(f"best: {monitor} has no value in {len(self.epoch)} epochs")
        at = -max(values)[1]
        return self.epoch[at], self.history[monitor][at]

    def __add__(self, other: History) -> History:
        if not isinstance(other, History):
            return NotImplemented
        both, last = History(), self.epoch[-1] if self.epoch else -1
        shift = last + 1 - other.epoch[0] if other.epoch and other.epoch[0] <= last else 0
        both.facts, both.failed = other.facts or self.facts, other.failed
        both.epoch = [*self.epoch, *(epoch + shift for epoch in other.epoch)]
        for name in {**self.history, **other.history}:
            parts = [part.history.get(name, [math.nan] * len(part.epoch)) for part in (self, other)]
            both.history[name] = [*parts[0], *parts[1]]
        return both

    def save(self, path: Path) -> None:
        """Write a CSV file with a row for each epoch, its number first; the floats are exact.

        Parameters
        ----------
        path : path

        Raises
        ------
        OSError
            Where the file cannot be written.

        Examples
        --------
        >>> import pathlib, fastnn as fnn
        >>> history = fnn.History()
        >>> history.record(0, {"loss": 0.1})
        >>> history.save("history.csv")
        >>> print(pathlib.Path("history.csv").read_text())
        epoch,loss
        0,0.1
        """
        text = io.StringIO()
        write_rows(text, [["epoch", *self.history], *zip(self.epoch, *self.history.values(), strict=True)])
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())

    @classmethod
    def read(cls, path: Path) -> History:
        """Read a file that `save` or a `CSVLogger` wrote.

        Parameters
        ----------
        path : path

        Returns
        -------
        History
            The same values; NaN for empty cells.

        Raises
        ------
        OSError
            Where the file cannot be read.
        ValueError
            Where it is not such a file; the message names the line.

        Examples
        --------
        >>> import fastnn as fnn
        >>> history = fnn.History()
        >>> history.record(0, {"loss": 0.1})
        >>> history.save("history.csv")
        >>> fnn.History.read("history.csv").history
        {'loss': [0.1]}
        """
        title, found = os.fspath(path), cls()
        with open(path, encoding="utf-8", newline="") as file:
            try:
                header, *rows = list(csv.reader(file)) or [[]]
            except (csv.Error, UnicodeDecodeError) as error:
                raise ValueError(f"{title}: not a CSV file: {error}") from None
        names = header[1:]
        if header[:1] != ["epoch"] or len({*names}) < len(names):
            raise ValueError(f"{title}: line 1: expected epoch and different names, got {','.join(header)!r:.80}")
        found.history = {name: [] for name in names}
        for line, row in enumerate(rows, 2):
            try:
                found.epoch.append(int(row[0]))
                for name, cell in zip(names, row[1:], strict=True):
                    found.history[name].append(float(cell or "nan"))
            except (ValueError, IndexError):
                wanted = f"an epoch and {len(names)} numbers"
                raise ValueError(f"{title}: line {line}: expected {wanted}, got {','.join(row)!r:.80}") from None
        return found

    def to_frame(self) -> Any:
        """Make a table with a row for each epoch.

        Returns
        -------
        pandas.DataFrame
            Its index has the epochs' numbers.

        Raises
        ------
        ImportError
            Without pandas.

        Examples
        --------
        >>> import fastnn as fnn
        >>> history = fnn.History()
        >>> history.record(0, {"loss": 0.5, "val_loss": 0.75})
        >>> history.to_frame()
               loss  val_loss
        epoch
        0       0.5      0.75
        """
        try:
            import pandas
        except ImportError:
            raise ImportError("History.to_frame needs pandas: pip install pandas") from None
        return pandas.DataFrame(self.history, index=pandas.Index(self.epoch, name="epoch"), dtype=float)

    def plot(self, path: Path | None = None) -> Figure:
        """Plot the loss and each metric over the epochs, as `fastnn.plot.learning_curves` does.

        Parameters
        ----------
        path : path, optional
            A file in which the figure is saved; its ending is the format.

        Returns
        -------
        Figure

        Raises
        ------
        ValueError
            For a history without epochs.
        ImportError
            Without matplotlib.
        OSError
            Where the file cannot be written.

        Examples
        --------
        >>> import fastnn as fnn
        >>> history = fnn.History()
        >>> history.record(0, {"loss": 0.5, "val_loss": 0.75})
        >>> figure = history.plot("curves.png")
        """
        from fastnn.model.learning_curves import draw

        figure = draw({"": (self.epoch, self.history)})
        if path is not None:
            figure.savefig(path)
        return figure

    def diagnose(self) -> Diagnosis:
        """Say what the curves show: underfitting, overfitting and the like, with the evidence and what to try.

        A fit notes how many samples there are, some of the targets and how the network is regularized, which a file
        does not hold: of a history that was read, the curves alone are judged.

        Returns
        -------
        Diagnosis
            Of one kind: "underfitting", "overfitting", "about right", "diverging", "still improving" or "too noisy to
            say", with its evidence and remedies.

        Raises
        ------
        ValueError
            For fewer than three epochs with a loss, unless it is no longer finite; and without validation data, where
            the training loss alone does not tell.

        References
        ----------
        I. Goodfellow, Y. Bengio and A. Courville, Deep Learning, MIT Press 2016, sections 5.2 and 11.4.

        Examples
        --------
        >>> import fastnn as fnn
        >>> (x, y), test = fnn.datasets.digits()
        >>> net = fnn.Sequential([fnn.Dense(1, "relu"), fnn.Dense(10, "softmax")], input_shape=(64,), seed=0)
        >>> net.compile("adam").fit(x, y, epochs=30, validation_data=test, verbose=0).diagnose().kind
        'underfitting'
        """
        from fastnn.model.diagnosis import diagnosed

        return diagnosed(self.epoch, self.history, self.facts, self.failed)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.history.items())
        return f"History({len(self.epoch)} epochs{last and ': ' + last})"


def numbers(logs: Logs) -> Logs:
    """The logs as plain floats. Raises TypeError for a value that is not a number."""
    return {name: _number(name, value) for name, value in logs.items()}


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"logs[{name!r}]: expected a number, got {value!r:.60}") from None


def write_rows(file: TextIO, rows: Iterable[Iterable[Any]]) -> None:
    """Writes rows of a history's file; floats as Python prints them, which is exact."""
    csv.writer(file, lineterminator="\n").writerows(rows)
