"""Left for right, of an image with its boxes and mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn.vision import checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def flip(image: ArrayLike, boxes: ArrayLike, mask: ArrayLike | None = None) -> tuple[NDArray[Any], ...]:
    """Flip one image horizontally with its boxes, left' = width - right and right' = width - left, and its mask.

    Batches of images and masks, without boxes, are flipped by `fnn.data.augment.flip`.

    Parameters
    ----------
    image : array (height, width) or (height, width, channels)
        Of any dtype.
    boxes : array (n, 4)
        Left, top, right, bottom in pixels, within the image.
    mask : array (height, width), optional
        Of integers or bools.

    Returns
    -------
    tuple of array
        A new image, the boxes, float64, and a new mask, if given.

    Raises
    ------
    TypeError, ValueError
        For other shapes, boxes that `area` refuses or outside of the image, and masks that are not integers.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> image, boxes, mask = fnn.vision.flip(np.arange(6).reshape(2, 3), [[0, 0, 1, 2]], [[1, 0, 0], [1, 0, 0]])
    >>> image.tolist(), boxes.tolist(), mask.tolist()
    ([[2, 1, 0], [5, 4, 3]], [[2.0, 0.0, 3.0, 2.0]], [[0, 0, 1], [0, 0, 1]])
    """
    whole = checked.image("flip: image", image)
    height, width = whole.shape[:2]
    turned = checked.boxes("flip: boxes", boxes, (height, width))
    turned[:, [0, 2]] = width - turned[:, [2, 0]]
    masks = [] if mask is None else [checked.mask("flip: mask", mask, whole)[:, ::-1].copy()]
    return (whole[:, ::-1].copy(), turned, *masks)
