"""Checks of boxes and of what belongs to them: each returns an array, or raises an error that names what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray


def boxes(name: str, given: Any, size: tuple[int, int] | None = None) -> NDArray[np.float64]:
    """The boxes as float64 (n, 4). size: height and width of the image that they must be within."""
    array = arrays.numbers(name, given)
    if array.shape == (0,):
        array = array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        advice = "; one box is an array (1, 4)" if array.shape == (4,) else ""
        raise ValueError(f"{name}: expected (n, 4), left, top, right, bottom of each box, got {array.shape}{advice}")
    found = array.astype(np.float64)
    wrong = ~(np.abs(found) <= checks.MOST).all(axis=1)
    if wrong.any():
        raise ValueError(f"{_first(name, found, wrong)}; expected pixels, from -{checks.MOST} to {checks.MOST}")
    wrong = (found[:, 2] < found[:, 0]) | (found[:, 3] < found[:, 1])
    if wrong.any():
        raise ValueError(
            f"{_first(name, found, wrong)}; expected left, top, right, bottom, left <= right and top <= bottom"
        )
    if size is not None:
        wrong = (found[:, :2] < 0).any(axis=1) | (found[:, 3] > size[0]) | (found[:, 2] > size[1])
        if wrong.any():
            raise ValueError(
                f"{_first(name, found, wrong)}, outside of the image of height {size[0]} and width {size[1]}; clip it"
            )
    return found


def labels(name: str, given: Any, count: int, classes: int = checks.MOST) -> NDArray[np.int64]:
    """The labels of `count` boxes, (count,), integers from 0 to classes - 1."""
    array = arrays.numbers(name, given, labels=True)
    if array.shape != (count,):
        raise ValueError(f"{name}: expected ({count},), a label for each box, got {array.shape}")
    wrong = ~((array >= 0) & (array < classes) & (array == np.floor(array)))
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(f"{name}[{place}] is {array[place]}; expected an integer from 0 to {classes - 1}")
    return array.astype(np.int64)


def scores(name: str, given: Any, count: int) -> NDArray[np.float64]:
    """The scores of `count` boxes, (count,), finite."""
    array = arrays.numbers(name, given).astype(np.float64)
    if array.shape != (count,):
        raise ValueError(f"{name}: expected ({count},), a score for each box, got {array.shape}")
    wrong = ~np.isfinite(array)
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(f"{name}[{place}] is {array[place]}; expected finite numbers")
    return array


def image(name: str, given: Any) -> NDArray[Any]:
    """The image, (height, width) or (height, width, channels)."""
    array = arrays.numbers(name, given)
    if array.ndim not in (2, 3) or not array.size:
        raise ValueError(f"{name}: expected (height, width) or (height, width, channels), got {array.shape}")
    return array


def mask(name: str, given: Any, image: NDArray[Any]) -> NDArray[Any]:
    """The mask of that image, (height, width), of integers or bools."""
    array = arrays.numbers(name, given)
    if array.shape != image.shape[:2]:
        raise ValueError(f"{name}: expected {image.shape[:2]}, a label for each pixel of the image, got {array.shape}")
    if array.dtype.kind not in "biu":
        raise TypeError(f"{name}: expected integers or bools, got dtype {array.dtype}")
    return array


def size(name: str, given: Any) -> tuple[int, int]:
    """The height and width of an image."""
    found = checks.lengths(name, given)
    if len(found) != 2:
        raise ValueError(f"{name} must be (height, width), got {given!r}")
    return found[0], found[1]


def _first(name: str, found: NDArray[np.float64], wrong: Any) -> str:
    """The first box that is wrong, for errors."""
    place = int(wrong.argmax())
    return f"{name}[{place}] is {found[place].tolist()}"
