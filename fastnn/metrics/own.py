"""A metric that is a function defined by the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastnn.losses.own import takes_weights
from fastnn.metrics.base import Recorded
from fastnn.metrics.meaning import Meaning

#: function(y, t) -> float, or function(y, t, sample_weight)
Function = Callable[..., float]


@dataclass(eq=False, repr=False)
class Own(Recorded):
    """A function(y, t), or function(y, t, sample_weight), of the outputs of a whole epoch. Files hold its name."""

    function: Function

    @property
    def name(self) -> str:  # type: ignore[override]
        """The function's name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def check(self, meaning: Meaning, labels: bool) -> None:
        """Any outputs will do."""

    def of_arrays(self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> float:
        weighted = takes_weights(self.function)
        if weight is not None and not weighted:
            raise ValueError(
                f"{self.name}: its parameters are (y, t), without sample_weight or class_weight; "
                f"define {self.name}(y, t, sample_weight) to receive them"
            )
        value = self.function(y, t, weight) if weighted else self.function(y, t)
        if np.ndim(value) != 0 or np.asarray(value).dtype.kind not in "biuf":
            raise TypeError(f"{self.name}: expected it to return a number, got {value!r:.60}")
        return float(value)
