"""Areas of boxes, and how much they overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.vision import checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def area(boxes: ArrayLike) -> NDArray[np.float64]:
    """(right - left) * (bottom - top) of each box, in pixels.

    Parameters
    ----------
    boxes : array (n, 4)
        Left, top, right, bottom in pixels, right and bottom exclusive.

    Returns
    -------
    array, float64 (n,)

    Raises
    ------
    TypeError, ValueError
        For other shapes, boxes whose right is less than their left or bottom less than their top, and coordinates that
        are not finite.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.vision.area([[0, 0, 4, 3], [2, 2, 2, 5]]).tolist()
    [12.0, 0.0]
    """
    return areas(checked.boxes("area: boxes", boxes))


def box_iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of each box of a with each of b: |a & b| / (|a| + |b| - |a & b|), of the areas.

    Parameters
    ----------
    a, b : array (n, 4) and (m, 4)
        Left, top, right, bottom in pixels, right and bottom exclusive.

    Returns
    -------
    array, float64 (n, m)
        From 0, for boxes that do not overlap, to 1, for equal ones; 0 where both are empty.

    Raises
    ------
    TypeError, ValueError
        As `area` does.

    References
    ----------
    M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn and A. Zisserman, "The Pascal Visual Object Classes (VOC)
    Challenge", International Journal of Computer Vision 88(2), 2010, equation 3.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.vision.box_iou([[0, 0, 4, 4]], [[0, 0, 4, 4], [0, 0, 4, 2], [4, 0, 8, 4]]).tolist()
    [[1.0, 0.5, 0.0]]
    """
    return overlap(checked.boxes("box_iou: a", a)[:, None], checked.boxes("box_iou: b", b))


def areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """`area` of boxes (..., 4) that are checked."""
    found: NDArray[np.float64] = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return found


def overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of each box (..., 4) of a with that of b, broadcast against each other."""
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    common = np.maximum(width, 0) * np.maximum(height, 0)
    union = areas(a) + areas(b) - common
    found: NDArray[np.float64] = common / np.maximum(union, np.finfo(np.float64).tiny)  # 0 / 0 is 0 here
    return found
