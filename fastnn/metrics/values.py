"""Metrics of values: how far outputs are from their targets."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.losses import Target
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value
from fastnn.metrics.base import Metered, Recorded
from fastnn.metrics.meaning import Kind, Meaning
from fastnn.metrics.rows import Rows


class _OfErrors(Metered):
    """A mean over all elements; rows are what has a weight: samples, positions or elements."""

    grows: ClassVar[bool] = False
    kind: ClassVar[Kind] = Kind.VALUES

    def lower(self, lowering: Lowering, output: Value, target: Target, meaning: Meaning) -> Call:
        y, weight = lowering.read(output).buffer, target.sample_weight
        return self.emit(lowering, y, target, 1 if weight is None else weight.columns)

    def emit(self, lowering: Lowering, y: Buffer, target: Target, n: int) -> Call:
        """Emits the Op that measures y, in n rows of a sample."""
        t, weight = target.buffer, target.sample_weight
        return lowering.emit(kernels.ElementwiseLoss, y, t, None, weight, loss=self.name, positions=n)


class MeanAbsoluteError(_OfErrors):
    """|y - t|, the mean over all elements.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, initializer="zeros")], input_shape=(3,)).compile("sgd", "mse", ["mae"])
    >>> net.evaluate(np.ones((2, 3)), [1, 3])["mae"]
    2.0
    """

    name: ClassVar[str] = "mae"


class MeanSquaredError(_OfErrors):
    """(y - t)^2, the mean over all elements.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, initializer="zeros")], input_shape=(3,)).compile("sgd", "mae", ["mse"])
    >>> net.evaluate(np.ones((2, 3)), [1, 3])["mse"]
    5.0
    """

    name: ClassVar[str] = "mse"


class RootMeanSquaredError(_OfErrors):
    """sqrt(mean((y - t)^2)), the mean over all elements.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, initializer="zeros")], input_shape=(3,)).compile("sgd", "mse", ["rmse"])
    >>> round(net.evaluate(np.ones((2, 3)), [1, 3])["rmse"], 4)
    2.2361
    """

    name: ClassVar[str] = "rmse"

    def emit(self, lowering: Lowering, y: Buffer, target: Target, n: int) -> Call:
        return lowering.emit(kernels.RootMeanSquaredError, y, target.buffer, target.sample_weight, positions=n)


@dataclass(eq=False, repr=False)
class PeakSignalToNoise(_OfErrors):
    """10 log10(data_range^2 / mean((y - t)^2)), in decibels: how little noise images have.

    The mean is over all elements of the epoch, not one for each image. It is infinite where all outputs are right.

    Parameters
    ----------
    data_range : float, default 1
        The greatest possible value minus the least, > 0: 255 for images of bytes.

    Raises
    ------
    TypeError, ValueError
        Unless data_range > 0.

    Examples
    --------
    >>> import fastnn as fnn
    >>> round(fnn.metrics.psnr([0.5, 0.9], [0.5, 1.0]), 4)
    23.0103
    >>> round(fnn.metrics.PeakSignalToNoise(255)([100, 120], [100, 150]), 4)
    21.5987
    """

    data_range: float = 1.0

    name: ClassVar[str] = "psnr"
    grows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        number = checks.real("PeakSignalToNoise: data_range", self.data_range, checks.SMALLEST)
        object.__setattr__(self, "data_range", number)

    def emit(self, lowering: Lowering, y: Buffer, target: Target, n: int) -> Call:
        given = y, target.buffer, target.sample_weight
        return lowering.emit(kernels.PeakSignalToNoise, *given, data_range=self.data_range, positions=n)


class MeanAbsolutePercentageError(Recorded):
    """|y - t| / max(|t|, eps), the mean over all elements, as a fraction: 0.1 is 10 %; eps = 2.2e-16.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.metrics.mape([1.0, 5.0], [2.0, 4.0])
    0.375
    """

    name: ClassVar[str] = "mape"
    grows: ClassVar[bool] = False
    kind: ClassVar[Kind] = Kind.VALUES

    def of_arrays(self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> float:
        rows = Rows.of(y, t, weight, meaning)
        if not len(rows.t):
            return float("nan")
        wanted = rows.t.astype(np.float64)
        errors = np.abs(rows.y - wanted) / np.maximum(np.abs(wanted), np.finfo(np.float64).eps)
        return float(np.average(errors, weights=np.broadcast_to(rows.weight, errors.shape)))


class R2(Recorded):
    """1 - sum (t - y)^2 / sum (t - mean t)^2: the part of the variance that is explained; of several outputs the mean.

    For constant targets it is 1 if all outputs are right, else 0. For fewer than two samples it is NaN, with a
    RuntimeWarning.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.metrics.r2([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    0.5
    """

    name: ClassVar[str] = "r2"
    kind: ClassVar[Kind] = Kind.VALUES

    def of_arrays(self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> float:
        rows = Rows.of(y, t, weight, meaning)
        if len(rows.t) < 2:
            warnings.warn("r2 is NaN, since it needs at least two samples", RuntimeWarning, stacklevel=2)
            return float("nan")
        wanted, w = rows.t.astype(np.float64), np.broadcast_to(rows.weight, rows.y.shape)
        error = (w * (wanted - rows.y) ** 2).sum(axis=0)
        spread = (w * (wanted - np.average(wanted, axis=0, weights=w)) ** 2).sum(axis=0)
        parts = np.divide(error, spread, out=(error > 0).astype(np.float64), where=spread > 0)
        return float(np.mean(1 - parts))
