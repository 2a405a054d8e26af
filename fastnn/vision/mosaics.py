"""Four images in one, with their boxes and masks."""

from __future__ import annotations  # np.random is loaded where it is used

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks
from fastnn.vision import checked
from fastnn.vision.boxes import areas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


def mosaic(
    images: Sequence[ArrayLike],
    boxes: Sequence[ArrayLike],
    labels: Sequence[ArrayLike],
    size: tuple[int, int],
    seed: int | np.random.Generator,
    masks: Sequence[ArrayLike] | None = None,
    visible: float = 0.25,
) -> tuple[NDArray[Any], ...]:
    """Join four images at a random point, with their boxes and masks: more, smaller and cut objects in each image.

    The point is uniform in the middle half of the height and of the width. The images, as large as they are, touch it
    with a corner: in the order of the arguments they are at its top left, top right, bottom left and bottom right.
    What is outside of the result is cut off, and where an image is too small the result, and its mask, are 0.

    Parameters
    ----------
    images : four arrays (height, width) or (height, width, channels)
        Of one dtype and number of channels; heights and widths may differ.
    boxes : four arrays (n, 4)
        Of each image: left, top, right, bottom in pixels, within the image.
    labels : four arrays of int (n,)
        Of each image: the classes of its boxes, >= 0.
    size : (int, int)
        The height and width of the result in pixels.
    seed : int or numpy.random.Generator
        What the draw follows from.
    masks : four arrays (height, width), optional
        Of each image: its mask, of integers or bools, all of one dtype.
    visible : float, default 0.25
        Boxes are clipped; those of whose area less than this fraction is left are dropped, as are all without an area.

    Returns
    -------
    tuple of array
        The image (height, width) or (height, width, channels), boxes, float64 (n, 4), labels, int64 (n,), and the mask
        (height, width), if masks are given.

    Raises
    ------
    TypeError, ValueError
        For other than four of each, images or masks of different dtypes or channels, boxes that `area` refuses or
        outside of their image, labels of another number, and a fraction outside of 0 to 1.

    References
    ----------
    A. Bochkovskiy, C.-Y. Wang and H.-Y. M. Liao, "YOLOv4: Optimal Speed and Accuracy of Object Detection",
    arXiv:2004.10934, 2020, section 3.3.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> images = [np.full((4, 4), i) for i in (1, 2, 3, 4)]
    >>> image, boxes, labels = fnn.vision.mosaic(images, [[[0, 0, 4, 4]]] * 4, [[0], [1], [2], [3]], (4, 4), seed=0)
    >>> image.tolist(), boxes[0].tolist(), labels.tolist()
    ([[1, 1, 2, 2], [1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4]], [0.0, 0.0, 2.0, 3.0], [0, 1])
    """
    given = [checked.image(f"mosaic: images[{i}]", each) for i, each in enumerate(_four("images", images))]
    _alike("images", given)
    height, width = checked.size("mosaic: size", size)
    result = np.zeros((height, width, *given[0].shape[2:]), given[0].dtype)
    maps: list[NDArray[Any]] = []
    if masks is not None:
        pairs = zip(_four("masks", masks), given, strict=True)
        maps = [checked.mask(f"mosaic: masks[{i}]", each, whole) for i, (each, whole) in enumerate(pairs)]
        _alike("masks", maps)
    joined = [np.zeros((height, width), maps[0].dtype)] if maps else []
    objects = []
    for i, (some, kinds) in enumerate(zip(_four("boxes", boxes), _four("labels", labels), strict=True)):
        found = checked.boxes(f"mosaic: boxes[{i}]", some, (given[i].shape[0], given[i].shape[1]))
        objects.append((found, checked.labels(f"mosaic: labels[{i}]", kinds, len(found))))
    least = checks.real("mosaic: visible", visible, 0, 1)
    rng = np.random.default_rng(seed)
    row, column = (int(rng.integers(length // 4, length - length // 4 + 1)) for length in (height, width))
    kept, kept_labels = [], []
    for i, (whole, (found, kinds)) in enumerate(zip(given, objects, strict=True)):
        top, bottom, down = _placed(height, row, whole.shape[0], before=i < 2)
        left, right, across = _placed(width, column, whole.shape[1], before=i % 2 == 0)
        there = slice(top, bottom), slice(left, right)
        here = slice(top - down, bottom - down), slice(left - across, right - across)
        result[there] = whole[here]
        if joined:
            joined[0][there] = maps[i][here]
        moved = found + np.array([across, down, across, down])
        clipped = np.clip(moved, (left, top, left, top), (right, bottom, right, bottom))
        after = areas(clipped)
        chosen = (after > 0) & (after >= least * areas(found))
        kept.append(clipped[chosen])
        kept_labels.append(kinds[chosen])
    return (result, np.concatenate(kept), np.concatenate(kept_labels), *joined)


def _placed(length: int, centre: int, extent: int, before: bool) -> tuple[int, int, int]:
    """Where on an axis an image of that extent starts and stops that ends, or begins, at the centre; and its shift."""
    if before:
        return max(centre - extent, 0), centre, centre - extent
    return centre, min(centre + extent, length), centre


def _four(name: str, given: Any) -> list[Any]:
    if not hasattr(given, "__len__") or len(given) != 4:
        count = f"{len(given)}" if hasattr(given, "__len__") else type(given).__name__
        raise ValueError(f"mosaic: expected four {name}, one for each quarter, got {count}")
    return list(given)


def _alike(name: str, given: list[NDArray[Any]]) -> None:
    """Raises TypeError for arrays of several dtypes, ValueError for several numbers of channels."""
    if len({x.dtype for x in given}) > 1:
        raise TypeError(f"mosaic: {name} must be of one dtype, got {', '.join(str(x.dtype) for x in given)}")
    if len({x.shape[2:] for x in given}) > 1:
        raise ValueError(f"mosaic: {name} must have the same channels, got {', '.join(str(x.shape) for x in given)}")
