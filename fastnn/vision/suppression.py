"""One box for each object, out of the many that a detector finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.common import checks
from fastnn.vision import checked
from fastnn.vision.boxes import overlap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Boxes that are compared with each other at once.
_BLOCK = 128


def suppress(
    boxes: ArrayLike, scores: ArrayLike, classes: ArrayLike | None = None, iou: float = 0.5, most: int | None = None
) -> NDArray[np.intp]:
    """Keep the box of the highest score, remove those that overlap it, and repeat: non-maximum suppression.

    Parameters
    ----------
    boxes : array (n, 4)
        Left, top, right, bottom in pixels, right and bottom exclusive.
    scores : array (n,)
        Finite numbers. Of equal scores the lower index is first.
    classes : array of int (n,), optional
        Boxes are only removed by boxes of their class. None: all are of one.
    iou : float, default 0.5
        Boxes are removed whose intersection over union with a box that is kept is greater; 1 removes none.
    most : int, optional
        The most boxes to keep, of all classes together. None: no limit.

    Returns
    -------
    array, int64 (kept,)
        The indices of the boxes that are kept, the highest score first.

    Raises
    ------
    TypeError, ValueError
        For boxes that `area` refuses, scores and classes of another length, scores that are not finite, classes that
        are not integers >= 0, iou outside of 0 to 1, and most < 1.

    References
    ----------
    P. F. Felzenszwalb, R. B. Girshick, D. McAllester and D. Ramanan, "Object Detection with Discriminatively Trained
    Part-Based Models", IEEE Transactions on Pattern Analysis and Machine Intelligence 32(9), 2010, section 7.2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]
    >>> fnn.vision.suppress(boxes, scores=[0.7, 0.9, 0.8]).tolist()
    [1, 2]
    >>> fnn.vision.suppress(boxes, scores=[0.7, 0.9, 0.8], classes=[0, 1, 1]).tolist()
    [1, 2, 0]
    """
    candidates = checked.boxes("suppress: boxes", boxes)
    count = len(candidates)
    order = np.argsort(-checked.scores("suppress: scores", scores, count), kind="stable")
    labels = np.zeros(count, np.int64) if classes is None else checked.labels("suppress: classes", classes, count)
    limit = checks.real("suppress: iou", iou, 0, 1)
    enough = count if most is None else checks.integer("suppress: most", most)
    candidates, labels = candidates[order], labels[order]
    kept = np.zeros(count, bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        kept[members[_greedy(candidates[members], limit, enough)]] = True
    return order[kept][:enough]


def _greedy(boxes: NDArray[np.float64], limit: float, enough: int) -> NDArray[np.bool_]:
    """Which boxes, the best first, are kept; what is after the first `enough` that are may be left out.

    Block by block: those of a block are compared with each other, and what is kept removes boxes of later blocks.
    """
    kept, left = np.zeros(len(boxes), bool), np.arange(len(boxes))
    while len(left) and enough > 0:
        block, left = left[:_BLOCK], left[_BLOCK:]
        good = np.ones(len(block), bool)
        better, worse = _overlapping(boxes[block], boxes[block], limit)
        later = better < worse
        for i, j in zip(better[later].tolist(), worse[later].tolist(), strict=True):
            if good[i]:
                good[j] = False
        chosen = block[good]
        kept[chosen] = True
        enough -= len(chosen)
        _, removed = _overlapping(boxes[chosen], boxes[left], limit)
        left = np.delete(left, removed)
    return kept


def _overlapping(
    a: NDArray[np.float64], b: NDArray[np.float64], limit: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The indices of boxes of a, in order, and those of b that they overlap by more than the limit.

    Most pairs do not touch, which comparisons alone tell.
    """
    left, top, right, bottom = np.ascontiguousarray(b.T)
    touch = (a[:, 0, None] < right) & (left < a[:, 2, None])
    touch &= a[:, 1, None] < bottom
    touch &= top < a[:, 3, None]
    i, j = np.nonzero(touch)
    more = overlap(a[i], b[j]) > limit
    return i[more], j[more]
