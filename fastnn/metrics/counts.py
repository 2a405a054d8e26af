"""Metrics of counts: how many samples of a class, or label, were predicted as such. A ratio 0 / 0 is 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from fastnn.common import checks
from fastnn.metrics.base import Recorded
from fastnn.metrics.meaning import Kind, Meaning
from fastnn.metrics.rows import Rows

AVERAGES = ("auto", "micro", "macro", "weighted")


class Counts(NamedTuple):
    """Of each class or label: the weight of what was rightly predicted, of what was predicted, and of what there is.

    total: of all rows, the same for each class.
    """

    right: np.ndarray
    predicted: np.ndarray
    actual: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> Counts:
        """Those of arrays as metrics are given them."""
        rows = Rows.of(y, t, weight, meaning)
        predicted, wanted = meaning.predicted(rows.y), meaning.wanted(rows.t)
        if meaning.kind is Kind.LABELS:
            masks = (predicted & wanted, predicted, wanted, np.ones_like(wanted))
            right, guesses, actual, total = ((rows.weight * mask).sum(axis=0) for mask in masks)
            return cls(right, guesses, actual, total)
        each, classes, same = rows.of_each, max(2, meaning.columns), predicted == wanted
        pairs = ((wanted[same], each[same]), (predicted, each), (wanted, each))
        right, guesses, actual = (np.bincount(numbers, weights, classes) for numbers, weights in pairs)
        return cls(right, guesses, actual, np.full(classes, each.sum()))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.divide(above, below, out=np.zeros(np.shape(below)), where=below > 0)
    return found


@dataclass(eq=False, repr=False)
class Averaged(Recorded):
    """A ratio of counts for each class or label, and how these are averaged."""

    stem: ClassVar[str]
    average: str | None = "auto"

    def __post_init__(self) -> None:
        if self.average is not None:
            checks.known(f"{type(self).__name__}: average", self.average, AVERAGES)

    @property
    def name(self) -> str:  # type: ignore[override]  # other metrics have a constant
        """With the average in it, unless that is the default."""
        return self.stem if self.average == "auto" else f"{self.stem}_{self.average or 'each'}"

    def names(self, meaning: Meaning) -> list[str]:
        """One for each class or label where there is no average."""
        if self.average is not None:
            return [self.name]
        return [f"{self.stem}_{i}" for i in range(max(2, meaning.columns))]

    def ratio(self, counts: Counts) -> np.ndarray:
        """The value of each class or label."""
        raise NotImplementedError(f"{type(self).__name__}.ratio")

    def of_arrays(
        self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning
    ) -> float | np.ndarray:
        counts = Counts.of(y, t, weight, meaning)
        values = self.ratio(counts)
        if not counts.total.any():  # there is nothing that has a weight
            values[:] = np.nan
        if self.average is None:
            return values
        if np.isnan(values).all():
            return float("nan")
        if self.average == "micro":
            return float(self.ratio(Counts(*(each.sum(keepdims=True) for each in counts)))[0])
        if self.average == "weighted":
            return float(_ratio((values * counts.actual).sum(), counts.actual.sum()))
        if self.average == "auto" and meaning.columns == 1:
            return float(values[1])
        if meaning.kind is Kind.CLASSES:
            values = values[counts.predicted + counts.actual > 0]
        return float(values.mean())


class Precision(Averaged):
    """right / predicted: of what was predicted as a class or label, the fraction that is.

    Parameters
    ----------
    average : {"auto", "micro", "macro", "weighted", None}
        "auto": of one output that of class 1, of several "macro": the mean over all labels, or over the classes that
        were wanted or predicted at all. "weighted" is the mean by how many there are of each, "micro" counts all
        together. None: a value for each class, "precision_0", "precision_1" and so on in the logs. Another average
        than "auto" is part of the name in the logs: "precision_micro".

    Raises
    ------
    ValueError
        For another average.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.metrics.precision([0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0])
    0.5
    """

    stem: ClassVar[str] = "precision"

    def ratio(self, counts: Counts) -> np.ndarray:
        return _ratio(counts.right, counts.predicted)


class Recall(Averaged):
    """right / actual: of what is of a class or label, the fraction that was predicted as such.

    Parameters
    ----------
    average : {"auto", "micro", "macro", "weighted", None}
        As for `Precision`.

    Raises
    ------
    ValueError
        For another average.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.metrics.Recall(None)([0.9, 0.8, 0.2, 0.1], [1, 0, 1, 1]).round(4)
    array([0.    , 0.3333])
    """

    stem: ClassVar[str] = "recall"

    def ratio(self, counts: Counts) -> np.ndarray:
        return _ratio(counts.right, counts.actual)


class F1(Averaged):
    """2 right / (predicted + actual): the harmonic mean of precision and recall.

    Parameters
    ----------
    average : {"auto", "micro", "macro", "weighted", None}
        As for `Precision`.

    Raises
    ------
    ValueError
        For another average.

    Examples
    --------
    >>> import fastnn as fnn
    >>> probabilities = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.1, 0.4]]
    >>> fnn.metrics.F1(None)(probabilities, [0, 1, 2]).round(4)
    array([0.6667, 1.    , 0.    ])
    >>> net = fnn.Sequential([fnn.Dense(3, "softmax")], input_shape=(4,), seed=0)
    >>> net = net.compile("adam", metrics=["f1", fnn.metrics.F1("weighted")])
    """

    stem: ClassVar[str] = "f1"

    def ratio(self, counts: Counts) -> np.ndarray:
        return _ratio(2 * counts.right, counts.predicted + counts.actual)


class Dice(F1):
    """2 |A and B| / (|A| + |B|) of the predicted A and the actual B: the name of `F1` in segmentation, [1]_.

    For maps of one sigmoid output it is that of the foreground, for softmax the mean over the classes.

    Parameters
    ----------
    average : {"auto", "micro", "macro", "weighted", None}
        As for `Precision`.

    Raises
    ------
    ValueError
        For another average.

    References
    ----------
    .. [1] L. R. Dice, "Measures of the Amount of Ecologic Association Between Species", Ecology 26(3), 1945.

    Examples
    --------
    >>> import fastnn as fnn
    >>> mask, truth = [[[0.9], [0.8]], [[0.2], [0.1]]], [[[1], [0]], [[0], [0]]]
    >>> round(fnn.metrics.dice(mask, truth), 4)
    0.6667
    """

    stem: ClassVar[str] = "dice"


@dataclass(eq=False, repr=False)
class IoU(Averaged):
    """right / (predicted + actual - right): intersection over union, the Jaccard index; "mean_iou" is IoU().

    Rows are the pixels of all maps of the epoch together, or plain samples.

    Parameters
    ----------
    average : {"macro", "auto", "micro", "weighted", None}
        "macro", called "mean_iou" in the logs: the mean over the classes that were wanted or predicted at all, which
        for one output are the background, 0, and the foreground, 1; over all labels. The others as for `Precision`:
        "auto", called "iou", is that of the foreground for one output, and None gives "iou_0", "iou_1" and so on.

    Raises
    ------
    ValueError
        For another average.

    References
    ----------
    M. Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", International Journal of Computer Vision
    88(2), 2010, section 4.3.

    Examples
    --------
    >>> import fastnn as fnn
    >>> mask, truth = [[[0.9], [0.8]], [[0.2], [0.1]]], [[[1], [0]], [[0], [0]]]
    >>> round(fnn.metrics.mean_iou(mask, truth), 4)
    0.5833
    >>> fnn.metrics.IoU(None)(mask, truth).round(4)
    array([0.6667, 0.5   ])
    """

    average: str | None = "macro"

    stem: ClassVar[str] = "iou"

    @property
    def name(self) -> str:  # type: ignore[override]  # other metrics have a constant
        """The usual one for the mean."""
        return "mean_iou" if self.average == "macro" else super().name

    def ratio(self, counts: Counts) -> np.ndarray:
        return _ratio(counts.right, counts.predicted + counts.actual - counts.right)


class Matthews(Recorded):
    """(s right - p.t) / sqrt((s^2 - p.p) (s^2 - t.t)): Matthews' correlation of predicted and actual classes, -1 to 1.

    s counts the samples, right those that are classified rightly, p and t those that are predicted and wanted of each
    class [1]_. 0 where only one class is predicted or wanted.

    References
    ----------
    .. [1] J. Gorodkin, "Comparing Two K-Category Assignments by a K-Category Correlation Coefficient", Computational
       Biology and Chemistry 28(5-6), 2004, equation 8.

    Examples
    --------
    >>> import fastnn as fnn
    >>> round(fnn.metrics.matthews([0.9, 0.8, 0.2, 0.1], [1, 0, 0, 0]), 4)
    0.5774
    """

    name: ClassVar[str] = "matthews"

    def check(self, meaning: Meaning, labels: bool) -> None:
        super().check(meaning, labels)
        if meaning.kind is Kind.LABELS:
            raise ValueError("matthews is for classes; several sigmoid outputs are independent labels: use f1")

    def of_arrays(self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> float:
        counts = Counts.of(y, t, weight, meaning)
        if not counts.total.any():
            return float("nan")
        if min(np.count_nonzero(counts.predicted), np.count_nonzero(counts.actual)) < 2:
            return 0.0
        right, p, t = (each / counts.total for each in (counts.right, counts.predicted, counts.actual))
        return float((right.sum() - p @ t) / np.sqrt((1 - p @ p) * (1 - t @ t)))


class SubsetAccuracy(Recorded):
    """The fraction of samples, or of positions, all of whose labels are right: the exact-match ratio.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.metrics.subset_accuracy([[0.9, 0.2], [0.6, 0.7]], [[1, 0], [1, 0]])
    0.5
    """

    name: ClassVar[str] = "subset_accuracy"
    kind: ClassVar[Kind] = Kind.LABELS

    def check(self, meaning: Meaning, labels: bool) -> None:
        super().check(meaning, labels)
        if not meaning.by_threshold:
            raise ValueError("subset_accuracy is for labels that do not exclude each other; use accuracy")

    def of_arrays(self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> float:
        rows = Rows.of(y, t, weight, meaning)
        right = meaning.predicted(rows.y) == meaning.wanted(rows.t)
        if not len(right):
            return float("nan")
        return float(np.average(right.reshape(len(right), -1).all(axis=1), weights=rows.of_each))
