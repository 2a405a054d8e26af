"""The float64 NumPy twins of the Ops of augmentation, as in reference.py; maps are matrices that may be transposed."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reference import Array, double, random_words

Shape = tuple[int, int, int]


def Uniform(shape: tuple[int, int], *, seed: int, stream: int, step: int = 0) -> Array:
    return (random_words(shape[0] * shape[1], seed, stream, step) >> 8).reshape(shape) / 2**24


def either_way(u: Array) -> Array:
    return 2 * u - 1


def line(size: int, u: float, flip: bool, pixels: int) -> Array:
    """(to, from): ones where an element of an axis comes from."""
    if flip:
        return np.eye(size)[::-1] if u < 0.5 else np.eye(size)
    return np.eye(size, k=pixels - int(u * (2 * pixels + 1)))


def mapped(x: Array, matrix: Array, transposed: bool) -> Array:
    """The matrix (pixels, pixels) times an image (height, width, channels)."""
    return ((matrix.T if transposed else matrix) @ x.reshape(len(matrix), -1)).reshape(x.shape)


def pictures(x: ArrayLike, shape: Shape) -> Array:
    return double(x).reshape(-1, *shape)


def FlipShift(
    x: ArrayLike,
    u: ArrayLike,
    *,
    shape: Shape,
    flip: tuple[bool, bool] = (False, False),
    pixels: tuple[int, int] = (0, 0),
    transposed: bool = False,
) -> Array:
    lines = [[line(shape[i], p[i], flip[i], pixels[i]) for i in range(2)] for p in double(u)]
    moved = [mapped(p, np.kron(*both), transposed) for p, both in zip(pictures(x, shape), lines, strict=True)]
    return np.stack(moved).reshape(np.shape(x))


def turn(shape: Shape, angle: float) -> Array:
    """(to, from): the weights of bilinear interpolation, a hat for each pixel."""
    i, j = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    u, v = i - (shape[0] - 1) / 2, j - (shape[1] - 1) / 2
    row = (shape[0] - 1) / 2 + np.cos(angle) * u + np.sin(angle) * v
    column = (shape[1] - 1) / 2 + np.cos(angle) * v - np.sin(angle) * u
    return np.maximum(1 - np.abs(row[:, None] - i), 0) * np.maximum(1 - np.abs(column[:, None] - j), 0)


def Rotate(x: ArrayLike, u: ArrayLike, *, shape: Shape, degrees: float, transposed: bool = False) -> Array:
    angles = np.radians(degrees * either_way(double(u)))[:, 0]
    turned = [mapped(p, turn(shape, a), transposed) for p, a in zip(pictures(x, shape), angles, strict=True)]
    return np.stack(turned).reshape(np.shape(x))


def Brightness(x: ArrayLike, u: ArrayLike, *, shape: Shape, amount: float, transposed: bool = False) -> Array:
    return double(x) + (0 if transposed else amount * either_way(double(u)))


def Contrast(x: ArrayLike, u: ArrayLike, *, shape: Shape, amount: float, **_: Any) -> Array:
    mean = double(x).mean(axis=1, keepdims=True)
    return mean + (1 + amount * either_way(double(u))) * (double(x) - mean)


def Cutout(x: ArrayLike, u: ArrayLike, *, shape: Shape, side: int, **_: Any) -> Array:
    y = pictures(x, shape).copy()
    for picture, (i, j) in zip(y, (double(u) * shape[:2]).astype(int) - side // 2, strict=True):
        picture[max(i, 0) : i + side, max(j, 0) : j + side] = 0
    return y.reshape(np.shape(x))
