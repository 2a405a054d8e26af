"""Users' arrays, brought into a form that a Port takes: C order and float32, float64, uint8 or int64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.engine.port import is_batch, takes


def numbers(name: str, array: Any) -> np.ndarray:
    """array as a NumPy array of real numbers, as it is where it is one.

    Raises TypeError for what holds no real numbers: objects, strings, complex; and for masked elements.
    """
    if takes(array):
        return array
    for part in array if isinstance(array, (list, tuple)) else [array]:
        if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part):
            raise TypeError(f"{name}: has masked elements; fill or remove them")
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise TypeError(f"{name}: expected an array of numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected an array of real numbers, got dtype {array.dtype}")
    plain: np.ndarray = array
    return plain


def read_only(array: np.ndarray) -> np.ndarray:
    """A view that cannot be made writable again, as one whose flag alone says so could be."""
    return np.asarray(memoryview(array).toreadonly())  # type: ignore[arg-type]


def ready(array: np.ndarray) -> np.ndarray:
    """The array in a form that a Port takes, without a copy where it has it already."""
    if takes(array):
        return array
    kind, size = array.dtype.kind, array.dtype.itemsize
    wanted: type
    if kind == "b":
        wanted = np.uint8
    elif kind == "f":
        wanted = np.float32 if size <= 4 else np.float64
    elif kind == "u" and size == 8:  # may be larger than any int64
        wanted = np.float64
    else:
        wanted = np.uint8 if array.dtype == np.uint8 else np.int64
    ready: np.ndarray = np.require(array, wanted, ["C", "A"])
    return ready


def parted(what: str, given: Any, names: Sequence[str]) -> list[Any]:
    """What is given for each of these inputs or outputs: for one as it is, for several a list, a tuple or a dict.

    Raises ValueError for other names or another number of arrays, TypeError for anything else.
    """
    if len(names) == 1:
        return [given]
    known = ", ".join(map(repr, names))
    if isinstance(given, Mapping):
        checks.names(what, given, names)
        return [given[name] for name in names]
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"{what}: expected a list or a dict of arrays for {known}, got {type(given).__name__}")
    if len(given) != len(names):
        raise ValueError(f"{what}: expected {len(names)} arrays for {known}, got {len(given)}")
    return list(given)


def samples(x: Any, features: tuple[int, ...], layer: str, name: str = "x") -> np.ndarray:
    """x as an array (batch, *features). layer: what expects it, for the error."""
    if is_batch(x, features):
        return x
    array = numbers(name, x)
    if array.ndim > 0 and len(array) and array.shape[1:] == features:
        return ready(array)
    if array.shape[1:] == features and array.ndim > 0:
        raise ValueError(f"{layer}: {name} is empty: {array.shape}")
    raise ValueError(
        f"{layer}: expected input {checks.batch(features)}, got {array.shape}{advice(name, array.shape, features)}"
    )


def advice(name: str, shape: tuple[int, ...], features: tuple[int, ...]) -> str:
    """What makes (batch, *features) of an array of that shape, as errors end with it; "" where that is not clear."""
    first = (features[-1:] + features[:-1]) if len(features) == 3 else None  # pictures with channels first
    if shape == features:
        return f"; add a first dimension for the batch: {name}[None]"
    if len(features) == 1 and len(shape) > 2:
        return "; add Flatten()"
    if features[-1] == 1 and features[:-1] in (shape[1:], shape):
        batch = "None, " if shape == features[:-1] else ""
        return f"; add an axis for the one channel: {name}[{batch}..., None]"
    if first in (shape[1:], shape):
        turned = "transpose(1, 2, 0)[None]" if shape == first else "transpose(0, 2, 3, 1)"
        return f"; channels come last: {name}.{turned}"
    return ""


def joint_samples(x: Any, names: Sequence[str], features: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """An array for each of several inputs, all of the same number of samples."""
    found: list[np.ndarray] = []
    for given, name, shape in zip(parted("x", x, names), names, features, strict=True):
        found.append(samples(given, shape, f"Input {name!r}", f"x[{name!r}]"))
        if len(found[-1]) != len(found[0]):
            raise ValueError(f"x: {len(found[0])} samples for {names[0]!r}, {len(found[-1])} for {name!r}")
    return found


def targets(y: Any, count: int, features: tuple[int, ...], labels: bool, name: str = "y") -> tuple[np.ndarray, bool]:
    """y for `count` samples, as labels or as values of the output's shape; and whether it holds labels.

    labels: whether class numbers, one for each position before the last axis, are meant by such a shape: (n,), or of
    pictures (n, height, width). Of an output of one channel the values may come without it. name: what errors call y.
    """
    positions = features[:-1]
    if labels and is_batch(y, positions) and len(y) == count:
        return y, True
    array = numbers(name, y)
    if array.ndim == 0 or len(array) != count:
        raise ValueError(f"{name}: expected {count} targets, one for each sample, got shape {array.shape}")
    if labels and array.shape[1:] in (positions, (*positions, 1)):
        return ready(array), True
    if array.shape[1:] == features or (array.shape[1:] == positions and features[-1:] == (1,)):
        return ready(array), False
    wanted = f"{f'labels {checks.batch(positions)} or ' if labels else ''}values {checks.batch(features)}"
    raise ValueError(f"{name}: expected {wanted}, got {array.shape}")


def lengths(lengths: Any, count: int) -> np.ndarray:
    """The lengths of `count` sequences, (count,). That they are from 1 on is checked where they are gathered."""
    array = numbers("lengths", lengths)
    if array.shape not in ((count,), (count, 1)):
        raise ValueError(f"lengths: expected ({count},), the steps of each sequence, got shape {array.shape}")
    return ready(array)


def weights(weights: Any, count: int, outputs: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Weights for `count` samples, (count,), or for each position of their outputs, where all have the same ones.

    outputs: their shapes. That weights are numbers >= 0 is checked where they are gathered.
    """
    array, shapes = numbers("sample_weight", weights), [(count,), (count, 1)]
    wanted, positions = f"({count},), a weight for each sample", {shape[:-1] for shape in outputs}
    if len(positions) == 1 and positions != {()}:
        shapes.append((count, *positions.pop()))
        wanted += f", or {shapes[-1]}, one for each position"
    if array.shape not in shapes:
        raise ValueError(f"sample_weight: expected {wanted}, got shape {array.shape}")
    return ready(array)


def in_proportion(weights: np.ndarray) -> np.ndarray:
    """Weights, of which only the proportions matter; if float32 has no room for them, times a power of two."""
    most = weights.max(initial=0.0)
    extreme = 0 < most < 1e-18 or 1e18 < most < np.inf
    return np.ldexp(weights, -np.frexp(most)[1]) if extreme else weights
