"""Cut-outs of objects, pasted on other images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.vision import checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Where a pixel belongs to the object: its alpha is at least this.
_OPAQUE = 0.5


def paste(
    canvas: NDArray[Any],
    image: ArrayLike,
    alpha: ArrayLike,
    at: tuple[int, int],
    mask: NDArray[Any] | None = None,
    label: int | None = None,
) -> NDArray[np.int64] | None:
    """Blend an image on a canvas, in place: canvas = alpha * image + (1 - alpha) * canvas.

    Parameters
    ----------
    canvas : array (height, width) or (height, width, channels)
        Of integers, to which results are rounded, or floats. It is changed.
    image : array (h, w) or (h, w, channels)
        Of the same dtype and number of channels.
    alpha : array (h, w)
        How opaque each pixel is: 0 leaves the canvas as it is, 1 replaces it.
    at : (int, int)
        The left and the top, in this order, of the image on the canvas, in pixels. The image may be partly or wholly
        outside of it, left and top negative.
    mask : array (height, width), optional
        Of integers or bools. It is set to the label where alpha is at least 0.5.
    label : int, optional
        What the mask is set to; it goes with the mask.

    Returns
    -------
    array, int64 (4,), or None
        The box around the pixels on the canvas where alpha is at least 0.5: left, top, right, bottom, right and bottom
        exclusive. None without any. Boxes of what was pasted before are what they were, although it may be covered.

    Raises
    ------
    TypeError, ValueError
        For other shapes, an image of another dtype, alpha outside of 0 to 1, other than two integers for the place, a
        canvas or mask that cannot be written to, a mask without a label, and a label that its dtype does not hold. Then
        nothing is changed.

    References
    ----------
    G. Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation", CVPR 2021,
    section 3.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> canvas, mask = np.zeros((3, 4)), np.zeros((3, 4), int)
    >>> fnn.vision.paste(canvas, np.full((2, 2), 8.0), [[1, 1], [1, 0.25]], at=(3, 1), mask=mask, label=5)
    array([3, 1, 4, 3])
    >>> canvas.tolist(), mask[:, 3].tolist()
    ([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 8.0], [0.0, 0.0, 0.0, 8.0]], [0, 5, 5])
    """
    checked.image("paste: canvas", _writable("canvas", canvas))
    if canvas.dtype.kind not in "iuf":
        raise TypeError(f"paste: expected a canvas of integers or floats, got dtype {canvas.dtype}")
    given = checked.image("paste: image", image)
    if given.dtype != canvas.dtype:
        raise TypeError(f"paste: expected an image of the canvas's dtype, {canvas.dtype}, got {given.dtype}")
    if given.ndim != canvas.ndim or given.shape[2:] != canvas.shape[2:]:
        raise ValueError(f"paste: image {given.shape} and canvas {canvas.shape} differ in their channels")
    opacity = _opacity(alpha, given.shape[:2])
    left, top = _place(at)
    value = _label(canvas, mask, label)
    x, y = max(left, 0), max(top, 0)
    there = slice(y, max(top + given.shape[0], y)), slice(x, max(left + given.shape[1], x))
    part = canvas[there]
    here = slice(y - top, y - top + part.shape[0]), slice(x - left, x - left + part.shape[1])
    opacity = opacity[here]
    weight = opacity.astype(np.result_type(canvas.dtype, np.float32)).reshape(*opacity.shape, *[1] * (part.ndim - 2))
    with np.errstate(invalid="ignore"):  # infinities times 0, which are not written
        blended = np.where(weight == 1, given[here], weight * given[here] + (1 - weight) * part)
    if canvas.dtype.kind in "iu":
        blended = np.rint(blended)
    np.copyto(part, blended, casting="unsafe", where=weight > 0)
    opaque = opacity >= _OPAQUE
    if mask is not None:
        mask[there][opaque] = value
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    if not len(rows):
        return None
    return np.array([x + columns[0], y + rows[0], x + columns[-1] + 1, y + rows[-1] + 1], np.int64)


def _writable(name: str, given: Any) -> NDArray[Any]:
    if not isinstance(given, np.ndarray) or not given.flags.writeable:
        what = "one that is read-only" if isinstance(given, np.ndarray) else type(given).__name__
        raise TypeError(f"paste: expected a NumPy array for the {name}, which is changed in place, got {what}")
    return given


def _opacity(alpha: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Alpha, from 0 to 1 and of the image's height and width."""
    array = arrays.numbers("paste: alpha", alpha)
    if array.shape != shape:
        raise ValueError(f"paste: expected alpha {shape}, a number for each pixel of the image, got {array.shape}")
    wrong = ~((array >= 0) & (array <= 1))
    if wrong.any():
        advice = "; divide by 255" if array.dtype == np.uint8 else ""
        raise ValueError(f"paste: alpha has {array[wrong][0]}; expected numbers from 0 to 1{advice}")
    return array


def _place(at: Any) -> tuple[int, int]:
    if not isinstance(at, (tuple, list, np.ndarray)) or len(at) != 2:
        raise ValueError(f"paste: at must be (left, top), got {at!r}")
    left, top = (checks.integer(f"paste: at[{i}]", each, least=-checks.MOST) for i, each in enumerate(at))
    return left, top


def _label(canvas: NDArray[Any], mask: Any, label: Any) -> int:
    """What the mask is set to. Raises as `paste` does; without a mask it is 0."""
    if (mask is None) != (label is None):
        raise ValueError("paste: mask and label go together")
    if mask is None:
        return 0
    dtype = checked.mask("paste: mask", _writable("mask", mask), canvas).dtype
    least, most = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    return checks.integer(f"paste: label, of a mask of {dtype},", label, least, most)
