"""The float64 NumPy twins of the Ops on images: windows that slide, borders, larger images, other axes.

x, dx (batch, height, width, channels), y, dy (batch, windows down, windows across, channels); rows, columns: Axis.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from fastnn.kernels.axis import Axis
from reference import Array, double


def inside(axis: Axis, i: int) -> slice:
    """The places that window i sees."""
    start = i * axis.stride - axis.before
    return slice(max(start, 0), min(start + axis.kernel, axis.size))


def windows(rows: Axis, columns: Axis) -> Iterator[tuple[int, int, slice, slice]]:
    """Each window, and which pixels it sees."""
    for i in range(rows.output):
        for j in range(columns.output):
            yield i, j, inside(rows, i), inside(columns, j)


def taps(rows: Axis, columns: Axis, i: int, j: int) -> Array:
    """The numbers of the taps of a window that are inside the image."""
    down, across = inside(rows, i), inside(columns, j)
    tap = np.arange(rows.kernel * columns.kernel).reshape(rows.kernel, columns.kernel)
    top, left = i * rows.stride - rows.before, j * columns.stride - columns.before
    return tap[down.start - top : down.stop - top, across.start - left : across.stop - left].reshape(-1)


def MaxPool(x: ArrayLike, rows: Axis, columns: Axis) -> tuple[Array, Array]:
    """y and place."""
    x = double(x)
    y = np.empty((len(x), rows.output, columns.output, x.shape[-1]))
    place = np.empty(y.shape, np.uint8)
    for i, j, down, across in windows(rows, columns):
        seen = x[:, down, across].reshape(len(x), -1, x.shape[-1])
        y[:, i, j], place[:, i, j] = seen.max(axis=1), taps(rows, columns, i, j)[seen.argmax(axis=1)]
    return y, place


def MaxPoolGradient(place: Array, dy: ArrayLike, rows: Axis, columns: Axis) -> Array:
    dy = double(dy)
    dx = np.zeros((len(dy), rows.size, columns.size, dy.shape[-1]))
    for i, j, down, across in windows(rows, columns):
        given = place[:, i, j, None] == taps(rows, columns, i, j)[None, :, None]
        dx[:, down, across] += np.where(given, dy[:, i, j, None], 0).reshape(dx[:, down, across].shape)
    return dx


def AveragePool(x: ArrayLike, rows: Axis, columns: Axis, *, mean: bool = True) -> Array:
    x = double(x)
    y = np.empty((len(x), rows.output, columns.output, x.shape[-1]))
    for i, j, down, across in windows(rows, columns):
        y[:, i, j] = (np.mean if mean else np.sum)(x[:, down, across], axis=(1, 2))
    return y


def AveragePoolGradient(dy: ArrayLike, rows: Axis, columns: Axis, *, mean: bool = True) -> Array:
    dy = double(dy)
    dx = np.zeros((len(dy), rows.size, columns.size, dy.shape[-1]))
    for i, j, down, across in windows(rows, columns):
        dx[:, down, across] += dy[:, i, j, None, None] / (taps(rows, columns, i, j).size if mean else 1)
    return dx


def shares(scale: int, size: int) -> Array:
    """(outputs, pixels): how much of each pixel an output of bilinear interpolation along an axis is made of."""
    place = np.clip((np.arange(scale * size) + 0.5) / scale - 0.5, 0, size - 1)
    return np.maximum(1 - np.abs(place[:, None] - np.arange(size)), 0)


def Bilinear(x: ArrayLike, scale: tuple[int, int]) -> Array:
    x = double(x)
    return np.einsum("ih,jw,nhwc->nijc", shares(scale[0], x.shape[1]), shares(scale[1], x.shape[2]), x)


def BilinearGradient(dy: ArrayLike, scale: tuple[int, int]) -> Array:
    dy = double(dy)
    height, width = dy.shape[1] // scale[0], dy.shape[2] // scale[1]
    return np.einsum("ih,jw,nijc->nhwc", shares(scale[0], height), shares(scale[1], width), dy)


def Pad(x: ArrayLike, rows: Axis, columns: Axis) -> Array:
    sides = (0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0)
    y = np.pad(double(x), [(max(before, 0), max(after, 0)) for before, after in sides])
    cuts = tuple(slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(y.shape, sides, strict=True))
    return y[cuts]


def Permute(x: ArrayLike, axes: Sequence[int]) -> Array:
    return double(x).transpose(0, *(axis + 1 for axis in axes))
