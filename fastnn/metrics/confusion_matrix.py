"""How many samples of each class were predicted as each class."""

from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays


def confusion_matrix(y: Any, predicted: Any, classes: int | None = None) -> np.ndarray:
    """Count how many samples of class i were predicted as class j: counts[i, j].

    Parameters
    ----------
    y : array of int
        The right classes, 0, 1, 2, ...
    predicted : array of int
        The predicted classes, of the same shape, as `classify` returns them.
    classes : int, optional
        The number of classes. None is the largest class number + 1.

    Returns
    -------
    array, int64 (classes, classes)

    Raises
    ------
    TypeError
        Unless y and predicted hold numbers.
    ValueError
        For arrays of different shapes, and numbers that are not class numbers.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.metrics.confusion_matrix([0, 1, 1], [0, 0, 1])
    array([[1, 0],
           [1, 1]])
    """
    numbers = []
    for name, given in (("y", y), ("predicted", predicted)):
        array = arrays.numbers(name, given)
        right = (array >= 0) & (array < checks.MOST) & (array == np.floor(array))
        if not right.all():
            raise ValueError(f"confusion_matrix: {name} must hold class numbers, 0, 1, 2, ..., got {array[~right][0]}")
        numbers.append(array.astype(np.int64).reshape(-1))
        if array.shape != np.shape(y):
            raise ValueError(f"confusion_matrix: y {np.shape(y)} and predicted {array.shape} differ in shape")
    rows, columns = numbers
    most = max((int(each.max(initial=0)) for each in numbers), default=0) + 1
    count = most if classes is None else checks.integer("confusion_matrix: classes", classes)
    if most > count:
        raise ValueError(f"confusion_matrix: classes are 0 to {count - 1}, got {most - 1}")
    checks.shape("confusion_matrix: counts", (count, count))
    counts: np.ndarray = np.bincount(rows * count + columns, minlength=count * count).reshape(count, count)
    return counts
