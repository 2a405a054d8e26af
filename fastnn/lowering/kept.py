"""What a stream keeps from step to step, or from the start of its sequences: read, set and moved between streams.

All arrays have a row for each stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.engine.tensor import Tensor


@dataclass(eq=False, repr=False)
class Kept:
    """A tensor (rows, columns) that stays. first: what it begins with, like it; None is zeros.

    held: whether it follows from held inputs, and so changes only with them.
    """

    name: str
    tensor: Tensor
    first: Tensor | None = None
    held: bool = False

    @property
    def tensors(self) -> list[Tensor]:
        """All that belongs to it."""
        return [self.tensor]

    def begin(self, rows: Any) -> None:
        """Begins again in these rows."""
        self.tensor.array[rows] = 0 if self.first is None else self.first.array[rows]

    def select(self, rows: np.ndarray) -> None:
        """Row i becomes what row rows[i] was."""
        for tensor in self.tensors:
            tensor.array[...] = tensor.array[rows]

    def read(self) -> np.ndarray:
        """A copy of what a user sees of it."""
        return self.tensor.array.copy()

    def fits(self, given: np.ndarray) -> bool:
        """Whether it may be set to an array of numbers."""
        return given.shape == self.tensor.shape and bool(np.isfinite(given).all())

    @property
    def wanted(self) -> str:
        """What it may be set to, for errors."""
        return f"finite {self.tensor.shape}"

    def write(self, given: np.ndarray) -> None:
        """Sets it to an array that fits."""
        self.tensor.array[...] = given


@dataclass(eq=False, repr=False)
class Count(Kept):
    """Numbers of steps, int32 (rows, 1), from `least` to `most`: that each sequence has had, or that a held one has."""

    most: int = 0
    least: int = 0

    def fits(self, given: np.ndarray) -> bool:
        whole = given.shape == self.tensor.shape and bool((given == np.floor(given)).all())
        return whole and bool(((given >= self.least) & (given <= self.most)).all())

    @property
    def wanted(self) -> str:
        return f"integers {self.tensor.shape} from {self.least} to {self.most}"


@dataclass(eq=False, repr=False)
class Cache(Kept):
    """Numbers for each step so far: (rows, capacity, columns), seen up to the longest sequence of the count."""

    count: Count | None = None

    @property
    def _filled(self) -> np.ndarray:
        """A view of what is seen."""
        assert self.count is not None
        return self.tensor.array[:, : self.count.tensor.array.max()]

    def begin(self, rows: Any) -> None:
        """Nothing is read beyond the count."""

    def select(self, rows: np.ndarray) -> None:
        self._filled[...] = self._filled[rows]

    def read(self) -> np.ndarray:
        return self._filled.copy()

    def fits(self, given: np.ndarray) -> bool:
        rows, capacity, columns = self.tensor.shape
        shapes = given.ndim == 3 and given.shape[0::2] == (rows, columns) and given.shape[1] <= capacity
        return shapes and bool(np.isfinite(given).all())

    @property
    def wanted(self) -> str:
        rows, _, columns = self.tensor.shape
        return f"finite {(rows, 'steps', columns)}, of all steps so far"

    def write(self, given: np.ndarray) -> None:
        self.tensor.array[:, : given.shape[1]] = given


@dataclass(eq=False, repr=False)
class Ring(Kept):
    """The last steps, as kernels.StepConvolution has them: (rows, 2 * reach, columns), with the place of the next one.

    Seen are the reach - 1 steps that the next one needs, the oldest first.
    """

    place: Tensor | None = None

    @property
    def tensors(self) -> list[Tensor]:
        assert self.place is not None
        return [self.tensor, self.place]

    def begin(self, rows: Any) -> None:
        for tensor in self.tensors:
            tensor.array[rows] = 0

    @property
    def _shape(self) -> tuple[int, ...]:
        """Of what is seen."""
        rows, twice, columns = self.tensor.shape
        return rows, twice // 2 - 1, columns

    def read(self) -> np.ndarray:
        rows, steps, _ = self._shape
        _, place = self.tensors
        found: np.ndarray = self.tensor.array[np.arange(rows)[:, None], place.array + np.arange(1, steps + 1)]
        return found

    def fits(self, given: np.ndarray) -> bool:
        return given.shape == self._shape and bool(np.isfinite(given).all())

    @property
    def wanted(self) -> str:
        return f"finite {self._shape}"

    def write(self, given: np.ndarray) -> None:
        self.begin(slice(None))
        steps = given.shape[1]
        for first in (1, steps + 2):
            self.tensor.array[:, first : first + steps] = given
