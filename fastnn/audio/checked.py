"""Checks of what the functions of this package share: sounds, tables of frames, frame sizes and windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks
from fastnn.data.arrays import numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Periodic windows by name: the constant and the cosine of w[n] = a - b cos(2 pi n / size).
WINDOWS = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}


def finite(name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """The array as float32. Raises ValueError for a NaN, an infinity, and a number that float32 does not hold."""
    with np.errstate(over="ignore"):
        found = array.astype(np.float32)
    if not np.isfinite(found).all():
        place = np.unravel_index(int(np.isfinite(found).argmin()), found.shape)
        at = ", ".join(str(int(i)) for i in place)
        raise ValueError(f"{name}[{at}] is {array[place]}; expected finite numbers of float32")
    return found


def sound(caller: str, x: Any) -> NDArray[np.float32]:
    """A new array of x (samples,), float32."""
    array = numbers(f"{caller}: x", x)
    if array.ndim != 1:
        remedy = "; the mean over the axis of the channels makes one of them" if array.ndim == 2 else ""
        raise ValueError(f"{caller}: expected x (samples,), one channel, got shape {array.shape}{remedy}")
    if not len(array):
        raise ValueError(f"{caller}: x has no samples")
    return finite(f"{caller}: x", array)


def table(caller: str, name: str, x: Any, columns: str) -> NDArray[np.float32]:
    """A new array of x (frames, columns), float32."""
    array = numbers(f"{caller}: {name}", x)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{caller}: expected {name} (frames, {columns}), got shape {array.shape}")
    return finite(f"{caller}: {name}", array)


def at_least_0(name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
    """The array, if no element is negative."""
    if array.min() < 0:
        raise ValueError(f"{name} has negative numbers, at least {array.min():g}; expected numbers >= 0")
    return array


def framing(caller: str, size: Any, hop: Any) -> tuple[int, int]:
    """The samples of a frame, and from one frame's beginning to the next."""
    size, hop = checks.integer(f"{caller}: size", size, 2), checks.integer(f"{caller}: hop", hop)
    if hop > size:
        raise ValueError(f"{caller}: hop {hop} is greater than size {size}: samples between frames would be lost")
    return size, hop


def window_of(caller: str, window: Any, size: int) -> NDArray[np.float32]:
    """The window of that name, or the one given, (size,)."""
    if isinstance(window, str):
        constant, cosine = WINDOWS[checks.known(f"{caller}: window", window, WINDOWS)]
        return (constant - cosine * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    array = numbers(f"{caller}: window", window)
    if array.shape != (size,):
        raise ValueError(
            f"{caller}: expected a window ({size},), one weight for each of size samples, got {array.shape}"
        )
    return finite(f"{caller}: window", array)
