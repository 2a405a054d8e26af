"""Meaning: what the outputs of a network stand for: values, classes, or labels that do not exclude each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from fastnn.losses import Loss
from fastnn.lowering.backward import ROW_WISE
from fastnn.lowering.value import Value


class Kind(Enum):
    """What an output stands for."""

    VALUES = "values"
    CLASSES = "classes"
    LABELS = "labels"


@dataclass(frozen=True)
class Meaning:
    """What the outputs along the last axis stand for.

    columns: how many there are. One column of CLASSES tells class 1 from class 0, of several the greatest is the class;
    each of the LABELS is true or false by itself. threshold: from which on an output is class 1, or its label true.
    logits: whether they are the input of a softmax that the loss computes. ignore: a class number that is left out.
    """

    columns: int
    kind: Kind
    threshold: float = 0.5
    logits: bool = False
    ignore: int | None = None

    @classmethod
    def of(cls, output: Value, loss: Loss | None) -> Meaning:
        """That of a network's output, as `Lowering.read` gives it, by its last activation and its loss."""
        ending, columns = output.ending, output.columns // output.positions
        fused = None if loss is None else loss.ending
        said = ending == "sigmoid" or (ending in ROW_WISE and columns > 1)  # softmax of one output is always 1
        if not said and (loss is None or not loss.classifies):
            kind = Kind.VALUES
        elif columns > 1 and "sigmoid" in (ending, fused):
            kind = Kind.LABELS
        else:
            kind = Kind.CLASSES
        threshold = 0.5 if ending == "sigmoid" else 0.0
        return cls(
            columns, kind, threshold, fused == "softmax" and ending not in ROW_WISE, getattr(loss, "ignore", None)
        )

    @property
    def by_threshold(self) -> bool:
        """Whether each output is compared with the threshold, rather than with the others."""
        return self.columns == 1 or self.kind is Kind.LABELS

    def require_classes(self) -> None:
        """Raises ValueError for outputs that are values."""
        if self.kind is Kind.VALUES:
            raise ValueError(
                "this network predicts values, not classes: end it with softmax or sigmoid, or use predict"
            )

    def predicted(self, y: np.ndarray) -> np.ndarray:
        """The classes (rows,) of outputs y (rows, columns), or their labels as bool (rows, columns)."""
        if np.isnan(y).any():
            raise ValueError("the network's outputs have a NaN, which is no class")
        return self._decided(y, self.threshold)

    def wanted(self, t: np.ndarray) -> np.ndarray:
        """The same of targets: class numbers (rows,), or one-hot or probability rows (rows, columns)."""
        return t.astype(np.int64) if t.ndim == 1 else self._decided(t, 0.5)

    def _decided(self, values: np.ndarray, threshold: float) -> np.ndarray:
        decided: np.ndarray = values >= threshold if self.by_threshold else values.argmax(axis=1)
        return decided[:, 0].astype(np.int64) if self.by_threshold and self.kind is Kind.CLASSES else decided

    def scores(self, y: np.ndarray) -> np.ndarray:
        """Outputs y (rows, columns) in an order in which those of a column can be compared between rows."""
        if np.isnan(y).any():
            raise ValueError("the network's outputs have a NaN, which has no rank")
        if not self.logits:
            return y
        # log(p / (1 - p)) keeps apart what softmax rounds to 0 and 1: y minus the logarithm of the others' sum.
        logits, first = y.astype(np.float64), y.argmax(axis=1)[:, None]
        most, rest = np.take_along_axis(logits, first, 1), logits.copy()
        np.put_along_axis(rest, first, -np.inf, 1)
        parts = np.exp(logits - most)
        others = most + np.log(np.maximum(parts.sum(axis=1, keepdims=True) - parts, np.finfo(np.float64).tiny))
        np.put_along_axis(others, first, np.logaddexp.reduce(rest, axis=1, keepdims=True), 1)
        odds: np.ndarray = logits - others
        return odds
