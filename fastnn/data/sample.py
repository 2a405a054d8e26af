"""Samples of datasets: objects that return one sample, or several, for an index; and the buffers that they fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.data import arrays
from fastnn.data.mapped import FileRows

#: What a sample holds, in order; only the first is required.
PARTS = ("x", "y", "sample_weight", "lengths")
#: What arrays and tables have, and datasets do not.
_OF_ARRAYS = ("__array__", "__array_interface__", "dtype", "dtypes", "typecode")
_PLAIN = (np.ndarray, list, tuple, range, str, bytes, bytearray, memoryview, Mapping, type)


def is_dataset(given: Any) -> bool:
    """Whether an object returns samples by their index, and is neither an array nor makes one."""
    if isinstance(given, _PLAIN) or any(hasattr(given, name) for name in _OF_ARRAYS):
        return False
    return hasattr(given, "__len__") and (hasattr(given, "__getitem__") or hasattr(given, "__getitems__"))


def split(sample: Any) -> list[Any]:
    """The parts of a sample in the order of PARTS: it is x alone, or a tuple or list (x, y, ...)."""
    if not isinstance(sample, (tuple, list)) or (isinstance(sample, list) and all(map(np.isscalar, sample))):
        return [sample]
    if not 1 <= len(sample) <= len(PARTS):
        raise ValueError(f"expected a sample ({', '.join(PARTS)}) or less of it, got {len(sample)} items")
    return list(sample)


def leaves(part: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The arrays in a part, with their names: those in a dict or tuple one by one."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            yield f"{name}[{key!r}]", value
    elif isinstance(part, tuple) and not all(map(np.isscalar, part)):
        for i, value in enumerate(part):
            yield f"{name}[{i}]", value
    elif part is not None:
        yield name, part


def rebuilt(part: Any, found: Iterator[np.ndarray]) -> Any:
    """The part with its arrays exchanged for others, in the order of `leaves`."""
    if isinstance(part, Mapping):
        return {key: next(found) for key in part}
    if isinstance(part, tuple) and not all(map(np.isscalar, part)):
        return tuple(next(found) for _ in part)
    return None if part is None else next(found)


class Arrays:
    """A dataset of arrays: a sample is a row of each."""

    def __init__(self, *parts: Any) -> None:
        self.parts = [arrays.numbers(name, part) for part, name in zip(parts, PARTS, strict=False)]
        for part, name in zip(self.parts, PARTS, strict=False):
            if part.ndim == 0 or len(part) != len(self.parts[0]):
                raise ValueError(f"{name}: expected {len(self.parts[0])} rows, as x has, got shape {part.shape}")
        self.files = [FileRows.of(part) for part in self.parts]

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitems__(self, rows: list[int]) -> tuple[np.ndarray, ...]:
        both = zip(self.parts, self.files, strict=True)
        return tuple(part[rows] if file is None else file.read(rows) for part, file in both)


class Form:
    """The form of a dataset's samples: that of its first.

    names, shapes, dtypes: of each array in a sample. size: bytes of a sample.
    """

    def __init__(self, sample: Any) -> None:
        self.sample, self.parts = sample, split(sample)
        found = [leaf for part, name in zip(self.parts, PARTS, strict=False) for leaf in leaves(part, name)]
        self.names = [name for name, _ in found]
        values = [arrays.numbers(name, value) for name, value in found]
        self.shapes, self.dtypes = [value.shape for value in values], [value.dtype for value in values]
        self.size = sum(value.nbytes for value in values)
        self.flat = self.names == list(PARTS[: len(self.parts)])

    def buffers(self, rows: int) -> list[np.ndarray]:
        """Room for that many samples."""
        return [np.empty((rows, *shape), dtype) for shape, dtype in zip(self.shapes, self.dtypes, strict=True)]

    def first(self) -> list[Any]:
        """The first sample as a batch."""
        buffers = self.buffers(1)
        self.put(self.sample, buffers, 0)
        return self.batch(buffers)

    def batch(self, buffers: Sequence[np.ndarray]) -> list[Any]:
        """Filled buffers as x, y, sample_weight and lengths, in the form of a sample."""
        found = iter(buffers)
        return [rebuilt(part, found) for part in self.parts]

    def put(self, sample: Any, buffers: Sequence[np.ndarray], row: int) -> None:
        """Copies a sample into a row. Raises ValueError where it has another form than the first."""
        if self.flat and type(sample) is tuple and len(sample) == len(buffers):  # the usual form, and the fastest
            values: Sequence[Any] = sample
        else:
            values = self._values(sample)
        for i, value in enumerate(values):
            buffer = buffers[i]
            array = value if type(value) is np.ndarray else np.asarray(value)
            if array.dtype is not buffer.dtype or array.shape != self.shapes[i]:
                array = self._checked(i, value)
            buffer[row] = array

    def put_batch(self, batch: Any, buffers: Sequence[np.ndarray], first: int, count: int) -> None:
        """Copies a batch of `count` samples: a list of samples, or a tuple of arrays with a row for each."""
        if isinstance(batch, list):
            if len(batch) != count:
                raise ValueError(f"__getitems__: expected {count} samples, got {len(batch)}")
            for i, sample in enumerate(batch):
                self.put(sample, buffers, first + i)
            return
        for i, value in enumerate(self._values(batch)):
            array = arrays.numbers(self.names[i], value)
            if array.shape != (count, *self.shapes[i]) or array.dtype != self.dtypes[i]:
                wanted = f"{self.dtypes[i]} {(count, *self.shapes[i])}"
                raise ValueError(f"{self.names[i]}: expected {wanted}, got {array.dtype} {array.shape}")
            buffers[i][first : first + count] = array

    def _values(self, sample: Any) -> list[Any]:
        found = [leaf for part, name in zip(split(sample), PARTS, strict=False) for leaf in leaves(part, name)]
        if [name for name, _ in found] != self.names:
            raise ValueError(f"expected {', '.join(self.names)} as in the first sample, got {', '.join(dict(found))}")
        return [value for _, value in found]

    def _checked(self, i: int, value: Any) -> np.ndarray:
        array = arrays.numbers(self.names[i], value)
        if array.shape != self.shapes[i] or array.dtype != self.dtypes[i]:
            raise ValueError(
                f"{self.names[i]}: has {array.dtype} {array.shape}, "
                f"and the first sample {self.dtypes[i]} {self.shapes[i]}"
            )
        return array
