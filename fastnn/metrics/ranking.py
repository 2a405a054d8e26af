"""Metrics of ranks: how well an output tells a class, or label, from the rest, whatever the threshold."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np

from fastnn.metrics.base import Recorded
from fastnn.metrics.meaning import Kind, Meaning
from fastnn.metrics.rows import Rows


class Ranked(Recorded):
    """A metric of one class or label against the rest; of several, the mean over those for which it is defined."""

    needs: ClassVar[str]

    def of_arrays(self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> float:
        rows = Rows.of(y, t, weight, meaning)
        scores, wanted = meaning.scores(rows.y), meaning.wanted(rows.t)
        weights = np.broadcast_to(rows.weight, scores.shape)
        values = []
        for i in range(meaning.columns):
            mask = wanted[:, i] if meaning.kind is Kind.LABELS else wanted == (1 if meaning.columns == 1 else i)
            values.append(self.value(*_by_score(scores[:, i], mask, weights[:, i])))
        defined = [value for value in values if not np.isnan(value)]
        if not defined:
            warnings.warn(f"{self.name} is NaN, since it needs {self.needs}", RuntimeWarning, stacklevel=2)
            return float("nan")
        return float(np.mean(defined))

    def value(self, positive: np.ndarray, negative: np.ndarray) -> float:
        """Of the weights of positives and negatives at each score, the greatest first; NaN if undefined."""
        raise NotImplementedError(f"{type(self).__name__}.value")


def _by_score(scores: np.ndarray, positive: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weights of the positives and of the negatives, summed for each score, the greatest first."""
    order = np.argsort(-scores)
    ranked = scores[order]
    first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])) if len(order) else order
    masks = (positive, ~positive)
    above, below = (np.add.reduceat((weight * mask)[order], first) if len(order) else weight for mask in masks)
    return above, below


class RocAuc(Ranked):
    """The area under the receiver operating characteristic: how often a positive is ranked before a negative.

    Equal outputs count 1/2. Of several classes the mean over one against the rest, of labels the mean over all; those
    without positives or without negatives are left out, and where all are, it is NaN, with a RuntimeWarning.

    References
    ----------
    T. Fawcett, "An Introduction to ROC Analysis", Pattern Recognition Letters 27(8), 2006.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.metrics.roc_auc([0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0])
    0.75
    """

    name: ClassVar[str] = "roc_auc"
    needs: ClassVar[str] = "samples of a class, and others that are not of that class"

    def value(self, positive: np.ndarray, negative: np.ndarray) -> float:
        below = negative.sum() - np.cumsum(negative) + negative / 2
        pairs = positive.sum() * negative.sum()
        return float((positive * below).sum() / pairs) if pairs > 0 else float("nan")


class PrAuc(Ranked):
    """The average precision sum_n (R_n - R_{n-1}) P_n: the area under precision P against recall R, in steps.

    P_n and R_n are those of the threshold that is the n-th output from above. Of several classes or labels the mean
    over one against the rest; those without positives are left out, and where all are, it is NaN, with a
    RuntimeWarning.

    References
    ----------
    J. Davis and M. Goadrich, "The Relationship Between Precision-Recall and ROC Curves", ICML 2006.

    Examples
    --------
    >>> import fastnn as fnn
    >>> round(fnn.metrics.pr_auc([0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0]), 4)
    0.8333
    """

    name: ClassVar[str] = "pr_auc"
    needs: ClassVar[str] = "samples of a class"

    def value(self, positive: np.ndarray, negative: np.ndarray) -> float:
        right, total = np.cumsum(positive), positive.sum()
        predicted = right + np.cumsum(negative)
        some = positive > 0
        return float((positive[some] * right[some] / predicted[some]).sum() / total) if total > 0 else float("nan")
