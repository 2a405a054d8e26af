"""How well a detector finds the objects of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from fastnn.common import checks
from fastnn.vision import checked
from fastnn.vision.boxes import overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


@overload
def average_precision(
    found: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
    truth: Sequence[tuple[ArrayLike, ArrayLike]],
    iou: float = ...,
    *,
    per_class: Literal[False] = ...,
) -> float: ...
@overload
def average_precision(
    found: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
    truth: Sequence[tuple[ArrayLike, ArrayLike]],
    iou: float = ...,
    *,
    per_class: Literal[True],
) -> dict[int, float]: ...
def average_precision(
    found: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
    truth: Sequence[tuple[ArrayLike, ArrayLike]],
    iou: float = 0.5,
    *,
    per_class: bool = False,
) -> float | dict[int, float]:
    """Average over classes the area under precision against recall: 1/n sum_k max_{m >= k} P_m, of the n true boxes.

    Boxes of a class are taken by score, over all images. A box is right if an object of its class in its image, not
    found before, overlaps it by at least `iou`; of several it finds the one that it overlaps most. The sum is over the
    right boxes k, of which P_k is the precision of all boxes up to k; objects that are not found add 0.

    Parameters
    ----------
    found : list of (boxes, labels, scores)
        Of each image: (n, 4), left, top, right, bottom in pixels; the classes (n,), integers >= 0; and finite numbers
        (n,). Of equal scores the earlier image, then the earlier box, is first.
    truth : list of (boxes, labels)
        Of each image: its objects, as in `found`.
    iou : float, default 0.5
        The least intersection over union, from 0 to 1. Boxes that do not overlap never match.
    per_class : bool, default False
        Whether to return the value of each class instead of the mean.

    Returns
    -------
    float, or dict of int to float
        From 0 to 1. Classes without true boxes are left out, and so is what was found of them.

    Raises
    ------
    TypeError, ValueError
        For lists of different lengths or of other than such tuples, boxes that `fnn.vision.area` refuses, labels and
        scores of another number, and where there are no true boxes at all.

    References
    ----------
    M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn and A. Zisserman, "The Pascal Visual Object Classes (VOC)
    Challenge", International Journal of Computer Vision 88(2), 2010, section 4.2, with the interpolation at all recalls
    that the challenge has used since 2010.

    Examples
    --------
    >>> import fastnn as fnn
    >>> truth = [([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0])]
    >>> found = [([[50, 0, 60, 10], [0, 0, 10, 9]], [0, 0], [0.9, 0.8])]
    >>> fnn.metrics.average_precision(found, truth)  # one of two objects, at a precision of 1/2
    0.25
    """
    least = checks.real("average_precision: iou", iou, 0, 1)
    apart = checks.flag("average_precision: per_class", per_class)
    true_parts, parts = _parts("truth", truth, "(boxes, labels)"), _parts("found", found, "(boxes, labels, scores)")
    if len(true_parts) != len(parts):
        raise ValueError(
            f"average_precision: expected as many images in found as in truth, got {len(parts)} and {len(true_parts)}"
        )
    hits = [_hits(each, true, least) for each, true in zip(parts, true_parts, strict=True)]
    true_labels = np.concatenate([np.zeros(0, np.int64), *(labels for _, labels in true_parts)])
    if not len(true_labels):
        raise ValueError("average_precision: truth has no boxes, so there is nothing to find")
    labels = np.concatenate([labels for _, labels, _ in parts])
    order = np.argsort(-np.concatenate([scores for _, _, scores in parts]), kind="stable")
    labels, right = labels[order], np.concatenate(hits)[order]
    kinds, counts = np.unique(true_labels, return_counts=True)
    values = {int(kind): _area(right[labels == kind], int(count)) for kind, count in zip(kinds, counts, strict=True)}
    return values if apart else float(np.mean([*values.values()]))


def _area(right: NDArray[np.bool_], count: int) -> float:
    """The area under the interpolated curve, of a class with `count` true boxes; right: of its boxes by score."""
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    interpolated = np.maximum.accumulate(precision[::-1])[::-1]
    return float(interpolated[right].sum() / count)


def _hits(found: tuple[Any, ...], truth: tuple[Any, ...], least: float) -> NDArray[np.bool_]:
    """Which boxes of an image find an object."""
    (boxes, labels, scores), (true_boxes, true_labels) = found, truth
    shared = overlap(boxes[:, None], true_boxes)
    shared[(shared < least) | (labels[:, None] != true_labels)] = 0
    right = np.zeros(len(boxes), bool)
    order = np.argsort(-scores, kind="stable")
    for i in order[shared[order].any(axis=1)]:
        best = shared[i].argmax()
        if shared[i, best] > 0:
            right[i] = True
            shared[:, best] = 0
    return right


def _parts(name: str, given: Any, what: str) -> list[tuple[Any, ...]]:
    """Of each image the boxes, the labels and, of what was found, the scores."""
    found = []
    for i, each in enumerate(checks.listed(f"average_precision: {name}", given, (tuple, list), f"tuples {what}")):
        if len(each) != what.count(",") + 1:
            raise ValueError(f"average_precision: expected {name}[{i}] {what}, got {len(each)} arrays")
        where = f"average_precision: {name}[{i}]"
        boxes = checked.boxes(f"{where}: boxes", each[0])
        labels = checked.labels(f"{where}: labels", each[1], len(boxes))
        scores = [checked.scores(f"{where}: scores", more, len(boxes)) for more in each[2:]]
        found.append((boxes, labels, *scores))
    return found
