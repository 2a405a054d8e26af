"""Rows: the outputs, targets and weights of an epoch, as metrics compare them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastnn.metrics.meaning import Meaning


class Rows(NamedTuple):
    """y (rows, columns); t (rows,) class numbers, or (rows, columns); weight, float64 (rows, 1) or (rows, columns).

    A row is one position of one sample. Rows of weight 0 and of the ignored class are left out.
    """

    y: np.ndarray
    t: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> Rows:
        """Of outputs (batch, ..., columns), targets with that last axis or, as class numbers, without it, and weights.

        weight: of each sample, each position, or each element.
        """
        places, columns = y.shape[:-1], meaning.columns
        labels = t.ndim < y.ndim
        y, t = y.reshape(-1, columns), t.reshape(-1) if labels else t.reshape(-1, columns)
        w = np.ones((1,) * (len(places) + 1)) if weight is None else weight.astype(np.float64)
        w = w.reshape(w.shape + (1,) * (len(places) + 1 - w.ndim))
        width = int(w.shape[-1])
        w = np.broadcast_to(w, (*places, width)).reshape(-1, width)
        kept = (w > 0).any(axis=1)
        if labels and meaning.ignore is not None:
            kept &= t != meaning.ignore
        return cls(y, t, w) if kept.all() else cls(y[kept], t[kept], w[kept])

    @property
    def of_each(self) -> np.ndarray:
        """The weight of each row, (rows,); the mean, where its elements have their own."""
        found: np.ndarray = self.weight.mean(axis=1)
        return found
