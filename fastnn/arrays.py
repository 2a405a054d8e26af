"""Users' arrays, brought into a form that a Port takes: C order and float32, float64, uint8 or int64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.port import is_batch, takes

if TYPE_CHECKING:
    from fastnn.network import Network


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


def samples(x: Any, features: tuple[int, ...], net: Network) -> np.ndarray:
    """x as an array (batch, *features). net: whose first layer expects it, for the error."""
    if is_batch(x, features):
        return x
    array = numbers("x", x)
    if array.ndim > 0 and len(array) and array.shape[1:] == features:
        return ready(array)
    layer = net.named_layers()[0][1].title()
    if array.shape[1:] == features and array.ndim > 0:
        raise ValueError(f"{layer}: x is empty: {array.shape}")
    advice = ""
    if array.shape == features:
        advice = "; add a first dimension for the batch: x[None]"
    elif len(features) == 1 and array.ndim > 2:
        advice = "; add Flatten()"
    wanted = ", ".join(["batch", *map(str, features)])
    raise ValueError(f"{layer}: expected input ({wanted}), got {array.shape}{advice}")


def targets(y: Any, count: int, features: tuple[int, ...], labels: bool, name: str = "y") -> tuple[np.ndarray, bool]:
    """y for `count` samples, as labels or as values of the output's shape; and whether it holds labels.

    labels: whether class numbers, (n,) or (n, 1), are meant by such a shape. name: what errors call y.
    """
    if labels and is_batch(y, ()) and len(y) == count:
        return y, True
    array = numbers(name, y)
    if array.ndim == 0 or len(array) != count:
        raise ValueError(f"{name}: expected {count} targets, one for each sample, got shape {array.shape}")
    if labels and array.shape[1:] in ((), (1,)):
        return ready(array), True
    if array.shape[1:] == features or (array.ndim == 1 and features == (1,)):
        return ready(array), False
    wanted = f"({', '.join(['batch', *map(str, features)])})"
    raise ValueError(f"{name}: expected {'labels (batch,) or ' if labels else ''}values {wanted}, got {array.shape}")


def weights(weights: Any, count: int) -> np.ndarray | None:
    """Weights for `count` samples, or None for None. That they are numbers >= 0 is checked where they are gathered."""
    if weights is None:
        return None
    array = numbers("sample_weight", weights)
    if array.shape not in ((count,), (count, 1)):
        raise ValueError(f"sample_weight: expected ({count},), a weight for each sample, got shape {array.shape}")
    return ready(array)
