"""Random but valid data that a profile attaches to a plan's ports instead of a user's."""

from typing import Any

import numpy as np

Shape = tuple[int, int]


def numbers(check: str, width: int, generator: np.random.Generator, shape: Shape) -> np.ndarray[Any, Any]:
    """Normal numbers, or those that pass a check of the gather; distributions are `width` elements each."""
    if check == "distribution":
        x = generator.random((shape[0] * shape[1] // width, width), np.float32) + np.float32(0.1)
        distributions: np.ndarray[Any, Any] = (x / x.sum(axis=1, keepdims=True)).reshape(shape)
        return distributions
    if check == "signed":
        signs: np.ndarray[Any, Any] = generator.choice(np.array([-1, 1], np.float32), shape)
        return signs
    if check in ("unit", "nonnegative"):
        return generator.random(shape, np.float32)
    return generator.standard_normal(shape, np.float32)


def labels(classes: int, generator: np.random.Generator, shape: Shape) -> np.ndarray[Any, Any]:
    """Class numbers, or ids."""
    return generator.integers(0, classes, shape)


def label_rows(classes: int, blank: int, generator: np.random.Generator, shape: Shape) -> np.ndarray[Any, Any]:
    """Rows of class numbers other than the blank, padded by -1: as many as a quarter of what fits."""
    found: np.ndarray[Any, Any] = np.full(shape, -1)
    labels = generator.integers(0, classes - 1, (shape[0], (shape[1] + 3) // 4))
    found[:, : labels.shape[1]] = labels + (labels >= blank)
    return found


def actions(count: int, width: int, generator: np.random.Generator, shape: Shape) -> np.ndarray[Any, Any]:
    """Normal numbers, of each `width` elements the first the number of an action."""
    x = generator.standard_normal(shape, np.float32)
    x[:, ::width] = generator.integers(0, count, x[:, ::width].shape)
    return x


def full(times: int, generator: np.random.Generator, shape: Shape) -> np.ndarray[Any, Any]:
    """The lengths of sequences that have all steps."""
    return np.full(shape, times)
