"""Random changes of images together with their targets: one draw moves an image, its mask and its steering angle.

For data that are made on the way, in a dataset's `__getitems__` or a function that returns batches. Where only the
input is changed, the layers `RandomFlip`, `RandomShift` and `RandomRotation` do it inside the network.
"""

from __future__ import annotations  # np.random is loaded where it is used

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks
from fastnn.data.arrays import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


def flip(
    *images: ArrayLike,
    seed: int | np.random.Generator,
    horizontal: bool = True,
    vertical: bool = False,
    values: ArrayLike | None = None,
    signs: Sequence[float] | None = None,
) -> tuple[NDArray[Any], ...]:
    """Flip each sample's images together with probability 1/2, and change the signs of values with them.

    Parameters
    ----------
    *images : array (batch, height, width) or (batch, height, width, channels)
        Images, masks, and whatever else has the same height and width, of any dtype.
    seed : int or numpy.random.Generator
        What the draw follows from.
    horizontal, vertical : bool, default True and False
        Whether left and right, and top and bottom, are exchanged; each in half of the samples.
    values : array (batch, n), optional
        Targets that change with a horizontal flip: (steering, speed), say.
    signs : sequence of n numbers, optional
        Factors of the values of samples that are flipped horizontally: (-1, 1).

    Returns
    -------
    tuple of array
        New arrays of the same shapes and dtypes, those of the images, then that of the values, if given.

    Raises
    ------
    TypeError, ValueError
        For no images, other shapes, values without signs, and values whose dtype does not hold them with their signs.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> image, mask = np.arange(6).reshape(1, 2, 3, 1), np.array([[[0, 0, 1], [0, 1, 1]]])
    >>> image, mask, steering = fnn.data.augment.flip(image, mask, seed=2, values=[[0.3]], signs=[-1])
    >>> image[0, :, :, 0].tolist(), mask[0].tolist(), steering.tolist()
    ([[2, 1, 0], [5, 4, 3]], [[1, 0, 0], [1, 1, 0]], [[-0.3]])
    """
    arrays, generator = _images("flip", images), np.random.default_rng(seed)
    if (values is None) != (signs is None):
        raise ValueError("flip: values and signs go together")
    turned = generator.random((2, len(arrays[0]))) < 0.5
    turned[0] &= checks.flag("flip: horizontal", horizontal)
    turned[1] &= checks.flag("flip: vertical", vertical)
    for axis, chosen in ((2, turned[0]), (1, turned[1])):
        arrays = [np.where(chosen.reshape(-1, *[1] * (x.ndim - 1)), np.flip(x, axis), x) for x in arrays]
    if values is None or signs is None:
        return tuple(arrays)
    given, factors = numbers("flip: values", values), numbers("flip: signs", signs)
    if factors.ndim != 1 or not np.isfinite(factors).all():
        raise ValueError(f"flip: signs must be finite numbers, one for each column of values, got {signs!r:.60}")
    wanted = (len(turned[0]), len(factors))
    if given.shape != wanted:
        raise ValueError(f"flip: expected values {wanted}, a sign for each column, got {given.shape}")
    return (*arrays, np.where(turned[0][:, None], _held("flip: values", given * factors, given.dtype), given))


def shift(
    *images: ArrayLike, pixels: int, seed: int | np.random.Generator, fill: float | Sequence[float] = 0
) -> tuple[NDArray[Any], ...]:
    """Shift each sample's images together, by up to that many pixels up, down, left and right.

    Parameters
    ----------
    *images : array (batch, height, width) or (batch, height, width, channels)
        As in `flip`.
    pixels : int
        The most, along each axis, at least 0.
    seed : int or numpy.random.Generator
        What the draw follows from.
    fill : number or sequence of numbers, default 0
        What is shifted in, for all images or for each: the label of a mask that is not counted, say.

    Returns
    -------
    tuple of array
        New arrays of the same shapes and dtypes.

    Raises
    ------
    TypeError, ValueError
        For no images, other shapes, pixels < 0, another number of fills, and one that the images' dtype does not hold.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> image, mask = np.ones((1, 3, 3, 1)), np.ones((1, 3, 3), int)
    >>> image, mask = fnn.data.augment.shift(image, mask, pixels=1, seed=0, fill=(0, -1))
    >>> mask[0].tolist()
    [[1, 1, 1], [1, 1, 1], [-1, -1, -1]]
    """
    arrays, generator = _images("shift", images), np.random.default_rng(seed)
    most = checks.integer("shift: pixels", pixels, least=0)
    count, height, width = arrays[0].shape[:3]
    down, right = generator.integers(0, 2 * most + 1, (2, count, 1))  # of the window in the larger image
    rows, columns = np.arange(height) + down, np.arange(width) + right
    sample = np.arange(count)[:, None, None]
    larger = _bordered("shift", arrays, most, fill)
    return tuple(x[sample, rows[:, :, None], columns[:, None, :]] for x in larger)


def rotation(
    *images: ArrayLike,
    degrees: float,
    nearest: bool | Sequence[bool],
    seed: int | np.random.Generator,
    fill: float | Sequence[float] = 0,
) -> tuple[NDArray[Any], ...]:
    """Rotate each sample's images together about their centre, by an angle that is uniform from -degrees to degrees.

    Parameters
    ----------
    *images : array (batch, height, width) or (batch, height, width, channels)
        As in `flip`.
    degrees : float
        The largest angle, 0 <= degrees <= 180.
    nearest : bool or sequence of bool
        For all arrays or for each: True takes the nearest pixel, which is for masks of labels; False interpolates
        bilinearly between four pixels and rounds integers, which is for images.
    seed : int or numpy.random.Generator
        What the draw follows from.
    fill : number or sequence of numbers, default 0
        The value outside of the images, for all arrays or for each.

    Returns
    -------
    tuple of array
        New arrays of the same shapes and dtypes.

    Raises
    ------
    TypeError, ValueError
        For no images, other shapes, degrees outside of 0 to 180, another number of fills or of choices of the nearest,
        and a fill that the images' dtype does not hold.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> image, mask = np.ones((1, 3, 3, 1)), np.array([[[1, 1, 1], [2, 2, 2], [3, 3, 3]]])
    >>> image, mask = fnn.data.augment.rotation(image, mask, degrees=60, nearest=(False, True), seed=2)
    >>> image[0, :, :, 0].round(2).tolist(), mask[0].tolist()
    ([[0.64, 1.0, 0.64], [1.0, 1.0, 1.0], [0.64, 1.0, 0.64]], [[2, 1, 1], [2, 2, 2], [3, 3, 2]])
    """
    arrays, generator = _images("rotation", images), np.random.default_rng(seed)
    most = checks.real("rotation: degrees", degrees, 0, 180)
    wanted = [nearest] * len(arrays) if isinstance(nearest, bool) else nearest
    choices = checks.listed("rotation: nearest", wanted, bool, "bools")
    if len(choices) != len(arrays):
        raise ValueError(f"rotation: nearest must be a bool, or {len(arrays)} of them, got {nearest!r}")
    count, height, width = arrays[0].shape[:3]
    angle = np.radians(generator.uniform(-most, most, (count, 1, 1)))
    # Pixel (u, v), seen from the centre, comes from (row, column), as in kernel_rotate of csrc.
    u, v = np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    row, column = np.cos(angle) * u + np.sin(angle) * v, np.cos(angle) * v - np.sin(angle) * u
    # Positions in images with a border of one pixel, onto which what is further outside is moved.
    row, column = (row + (height + 1) / 2).clip(0, height + 1), (column + (width + 1) / 2).clip(0, width + 1)
    sampled = zip(_bordered("rotation", arrays, 1, fill), choices, strict=True)
    return tuple((_nearest if by_nearest else _bilinear)(x, row, column) for x, by_nearest in sampled)


def _nearest(x: NDArray[Any], row: NDArray[Any], column: NDArray[Any]) -> NDArray[Any]:
    """The pixels of each image x next to positions (batch, height, width) in it."""
    sample = np.arange(len(x))[:, None, None]
    found: NDArray[Any] = x[sample, np.rint(row).astype(np.intp), np.rint(column).astype(np.intp)]
    return found


def _bilinear(x: NDArray[Any], row: NDArray[Any], column: NDArray[Any]) -> NDArray[Any]:
    """The same, interpolated between the four pixels around a position."""
    kind = np.result_type(x.dtype, np.float32)
    lower = np.clip(np.floor(row), 0, x.shape[1] - 2), np.clip(np.floor(column), 0, x.shape[2] - 2)
    shape = (*row.shape, *[1] * (x.ndim - 3))
    down, right = ((at - first).reshape(shape).astype(kind) for at, first in zip((row, column), lower, strict=True))
    sample, (i, j) = np.arange(len(x))[:, None, None], (first.astype(np.intp) for first in lower)
    above = (1 - right) * x[sample, i, j] + right * x[sample, i, j + 1]
    below = (1 - right) * x[sample, i + 1, j] + right * x[sample, i + 1, j + 1]
    found: NDArray[Any] = (1 - down) * above + down * below
    return (np.rint(found) if x.dtype.kind in "biu" else found).astype(x.dtype)


def _bordered(
    name: str, arrays: Sequence[NDArray[Any]], pixels: int, fill: float | Sequence[float]
) -> list[NDArray[Any]]:
    """Images with a border of that many pixels, of the fill for all or for each. Raises as `shift` does."""
    fills = numbers(f"{name}: fill", fill)
    fills = np.broadcast_to(fills, len(arrays)) if fills.ndim == 0 else fills
    if fills.shape != (len(arrays),):
        raise ValueError(f"{name}: fill must be a number, or {len(arrays)} of them, got {fill!r}")
    larger = []
    for x, each in zip(arrays, fills, strict=True):
        border = [(0, 0), (pixels, pixels), (pixels, pixels), *[(0, 0)] * (x.ndim - 3)]
        larger.append(np.pad(x, border, constant_values=_held(f"{name}: fill", each, x.dtype)))
    return larger


def _held(name: str, given: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The numbers in this dtype. Raises ValueError for integers that would be others there."""
    with np.errstate(invalid="ignore"):
        found = given.astype(dtype)
    if dtype.kind in "biu" and not (found == given).all():
        wrong = given[found != given].flat[0]
        raise ValueError(f"{name}: {dtype} does not hold {wrong}; convert the array, astype(np.float32) say")
    return found


def _images(name: str, images: Sequence[ArrayLike]) -> list[NDArray[Any]]:
    """The images as arrays. Raises TypeError without any, ValueError for shapes that do not agree."""
    arrays = [np.asarray(x) for x in images]
    if not arrays:
        raise TypeError(f"{name}: give at least one array of images")
    for x in arrays:
        if x.ndim not in (3, 4) or x.shape[:3] != arrays[0].shape[:3]:
            shapes = ", ".join(str(each.shape) for each in arrays)
            wanted = "(batch, height, width) or (batch, height, width, channels), the same for all"
            raise ValueError(f"{name}: expected {wanted}, got {shapes}")
    return arrays
