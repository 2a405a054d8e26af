"""Objects as points of a grid: the targets of a one-stage detector, and boxes out of what it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.vision import checked
from fastnn.vision.boxes import areas
from fastnn.vision.suppression import suppress

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: The label of cells without an object.
EMPTY = -1


class CentreTargets(NamedTuple):
    """What a detector should predict for one image: a value, or four, for each cell of a `CentreGrid`.

    Parameters
    ----------
    objectness : array of float32 (rows, columns)
        1 where a cell has an object, else 0. It is also the weight of the other two, which only count there.
    labels : array of int64 (rows, columns)
        The class of the object; -1 without one, for `fnn.losses.CrossEntropy(ignore=-1)`.
    offsets_and_sizes : array of float32 (rows, columns, 4)
        The object's centre from the cell's left and top, in cells, 0 <= offset < 1; then log(width / stride) and
        log(height / stride). 0 without an object.

    Examples
    --------
    >>> import fastnn as fnn
    >>> targets = fnn.vision.CentreGrid((32, 32), stride=16, classes=3).encode([[0, 0, 16, 16]], [2])
    >>> isinstance(targets, fnn.vision.CentreTargets), targets.objectness.tolist()
    (True, [[1.0, 0.0], [0.0, 0.0]])
    """

    objectness: NDArray[np.float32]
    labels: NDArray[np.int64]
    offsets_and_sizes: NDArray[np.float32]


@dataclass(frozen=True)
class CentreGrid:
    """A grid over the image, in which each cell has at most one object: the one whose box has its centre there.

    Of a box with centre (x, y) in pixels, width w and height h, the cell is row floor(y / stride), column
    floor(x / stride), and the network predicts x / stride - column, y / stride - row, log(w / stride) and
    log(h / stride).

    Parameters
    ----------
    size : (int, int)
        The height and width of the image in pixels, multiples of the stride.
    stride : int
        The side of a cell in pixels; how much smaller than the image the network's last feature map is.
    classes : int
        The number of classes.

    Raises
    ------
    TypeError, ValueError
        For other than integers >= 1, and a size that the stride does not divide.

    References
    ----------
    X. Zhou, D. Wang and P. Krahenbuhl, "Objects as Points", arXiv:1904.07850, 2019, section 3.
    J. Redmon, S. Divvala, R. Girshick and A. Farhadi, "You Only Look Once: Unified, Real-Time Object Detection", CVPR
    2016, section 2.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> grid = fnn.vision.CentreGrid((32, 48), stride=16, classes=3)
    >>> targets = grid.encode([[8, 0, 24, 32]], [2])
    >>> targets.labels.tolist()
    [[-1, -1, -1], [-1, 2, -1]]
    >>> targets.offsets_and_sizes[1, 1].round(2)
    array([0.  , 0.  , 0.  , 0.69], dtype=float32)
    >>> probabilities = np.eye(3)[targets.labels]
    >>> [(boxes, labels, scores)] = grid.decode(targets.objectness[None], probabilities[None], targets[2][None])
    >>> boxes.round(3).tolist(), labels.tolist(), scores.tolist()
    ([[8.0, 0.0, 24.0, 32.0]], [2], [1.0])
    """

    size: tuple[int, int]
    stride: int
    classes: int

    def __post_init__(self) -> None:
        size, stride = checked.size("CentreGrid: size", self.size), checks.integer("CentreGrid: stride", self.stride)
        if size[0] % stride or size[1] % stride:
            raise ValueError(f"CentreGrid: size {size} must be multiples of the stride, {stride}")
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "stride", stride)
        object.__setattr__(self, "classes", checks.integer("CentreGrid: classes", self.classes))

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns of the grid."""
        return self.size[0] // self.stride, self.size[1] // self.stride

    def encode(self, boxes: ArrayLike, labels: ArrayLike) -> CentreTargets:
        """Make the targets of one image.

        Where boxes share a cell, the smallest is its object, of equal areas the first; the others are left out.

        Parameters
        ----------
        boxes : array (n, 4)
            Left, top, right, bottom in pixels, within the image; n may be 0.
        labels : array of int (n,)
            Their classes, 0 to classes - 1.

        Returns
        -------
        CentreTargets

        Raises
        ------
        TypeError, ValueError
            For boxes that `area` refuses, without an area or outside of the image, and labels of another number or
            that are not classes.

        Examples
        --------
        >>> import fastnn as fnn
        >>> grid = fnn.vision.CentreGrid((32, 32), stride=16, classes=3)
        >>> grid.encode([[0, 0, 31, 31], [4, 4, 8, 8]], [0, 1]).labels.tolist()  # both have their centre in one cell
        [[1, -1], [-1, -1]]
        """
        given = checked.boxes("encode: boxes", boxes, self.size)
        kinds = checked.labels("encode: labels", labels, len(given), self.classes)
        sides = given[:, 2:] - given[:, :2]
        empty = (sides <= 0).any(axis=1)
        if empty.any():
            place = int(empty.argmax())
            raise ValueError(f"encode: boxes[{place}] is {given[place].tolist()}, which has no area; leave it out")
        rows, columns = self.shape
        centres = (given[:, :2] + given[:, 2:]) / (2 * self.stride)  # in cells
        # A box thinner than rounding may have its centre on the image's edge.
        column, row = np.minimum(centres.astype(np.intp), (columns - 1, rows - 1)).T
        order = np.argsort(areas(given), kind="stable")
        _, first = np.unique(row[order] * columns + column[order], return_index=True)
        kept = order[first]
        at = row[kept], column[kept]
        below = np.nextafter(np.float32(1), np.float32(0))  # what would round to 1
        targets = CentreTargets(
            np.zeros((rows, columns), np.float32),
            np.full((rows, columns), EMPTY, np.int64),
            np.zeros((rows, columns, 4), np.float32),
        )
        targets.objectness[at] = 1
        targets.labels[at] = kinds[kept]
        targets.offsets_and_sizes[*at, :2] = np.minimum(
            (centres[kept] - np.stack(at[::-1], axis=1)).astype(np.float32), below
        )
        targets.offsets_and_sizes[*at, 2:] = np.log(sides[kept] / self.stride)
        return targets

    def decode(
        self,
        objectness: ArrayLike,
        class_probabilities: ArrayLike,
        offsets_and_sizes: ArrayLike,
        threshold: float = 0.5,
        iou: float = 0.5,
        most: int | None = None,
    ) -> list[tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]]:
        """Read boxes out of what the network predicts: score = objectness * the probability of the likeliest class.

        Cells whose score reaches the threshold have a box, clipped to the image; then `suppress` removes those of the
        same class that overlap a better one. What `encode` made is returned as it was, up to float32's precision and
        what suppression removes.

        Parameters
        ----------
        objectness : array (batch, rows, columns) or (batch, rows, columns, 1)
            Probabilities that a cell has an object.
        class_probabilities : array (batch, rows, columns, classes)
            Probabilities of its class, by softmax or sigmoid.
        offsets_and_sizes : array (batch, rows, columns, 4)
            As `CentreTargets` has them.
        threshold : float, default 0.5
            The least score, from 0 to 1.
        iou, most
            As `suppress` takes them; most is that of each image.

        Returns
        -------
        list of (boxes, labels, scores)
            Of each image: float64 (n, 4) in pixels, int64 (n,) and float64 (n,), the highest score first.

        Raises
        ------
        TypeError, ValueError
            For other shapes, numbers that are not probabilities, offsets and sizes that are not finite, a threshold
            outside of 0 to 1, and what `suppress` refuses.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> grid = fnn.vision.CentreGrid((32, 32), stride=16, classes=1)
        >>> found = grid.decode(np.eye(2)[None] * 0.9, np.ones((1, 2, 2, 1)), np.full((1, 2, 2, 4), 0.5))
        >>> boxes, labels, scores = found[0]
        >>> boxes.round(1).tolist(), labels.tolist(), scores.tolist()
        ([[0.0, 0.0, 21.2, 21.2], [10.8, 10.8, 32.0, 32.0]], [0, 0], [0.9, 0.9])
        """
        chances = _probabilities("objectness", objectness)
        cells = (*chances.shape[:1], *self.shape)
        if chances.shape not in (cells, (*cells, 1)):
            raise ValueError(f"decode: expected objectness {checks.batch(self.shape)}, got {chances.shape}")
        kinds = _probabilities("class_probabilities", class_probabilities)
        geometry = arrays.numbers("decode: offsets_and_sizes", offsets_and_sizes)
        wanted = (("class_probabilities", kinds, self.classes), ("offsets_and_sizes", geometry, 4))
        for name, array, last in wanted:
            if array.shape != (*cells, last):
                raise ValueError(f"decode: expected {name} {(*cells, last)}, got {array.shape}")
        if not np.isfinite(geometry).all():
            raise ValueError("decode: offsets_and_sizes has numbers that are not finite")
        least = checks.real("decode: threshold", threshold, 0, 1)
        scores = chances.reshape(cells) * kinds.max(axis=-1)
        found = []
        for score, kind, values in zip(scores, kinds.argmax(axis=-1), geometry, strict=True):
            at = np.nonzero(score >= least)
            boxes = self._boxes(np.stack(at[::-1], axis=1), values[at].astype(np.float64))
            labels, sure = kind[at].astype(np.int64), score[at].astype(np.float64)
            kept = suppress(boxes, sure, labels, iou, most)
            found.append((boxes[kept], labels[kept], sure[kept]))
        return found

    def _boxes(self, corners: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The boxes of offsets and sizes (n, 4), of cells with these columns and rows (n, 2), clipped to the image."""
        centres = (corners + values[:, :2]) * self.stride
        with np.errstate(over="ignore"):  # larger than any image, and clipped
            half = np.exp(values[:, 2:]) * (self.stride / 2)
        height, width = self.size
        return np.clip(np.hstack([centres - half, centres + half]), 0, (width, height, width, height))


def _probabilities(name: str, given: Any) -> NDArray[Any]:
    array = arrays.numbers(f"decode: {name}", given)
    wrong = ~((array >= 0) & (array <= 1))
    if wrong.any():
        raise ValueError(
            f"decode: {name} has {array[wrong][0]}; expected probabilities, from 0 to 1, as sigmoid or softmax gives"
        )
    return array
