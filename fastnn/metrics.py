"""Metrics: what is measured in addition to the loss.

`compile` names them, metrics=["accuracy"], or is given functions (y, t) -> float.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.data import arrays
from fastnn.losses import Loss, Target
from fastnn.losses.target import repeated
from fastnn.lowering.backward import ROW_WISE
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


def classes(lowering: Lowering, output: Value, loss: Loss | None) -> Buffer:
    """Emits the class at each position: the argmax of the last axis; for one output, whether its probability is >= 0.5.

    The softmax is not computed. Raises ValueError where the outputs are not probabilities or logits of classes.
    """
    ending = output.ending
    if (loss is None or not loss.classifies) and ending not in (*ROW_WISE, "sigmoid"):
        raise ValueError("this network predicts values, not classes: end it with softmax or sigmoid, or use predict")
    n = output.positions
    if output.columns > n and "sigmoid" in (ending, loss and loss.ending):
        raise ValueError("several sigmoid outputs are independent labels, not classes; use predict(x) >= 0.5")
    threshold = None
    if output.columns == n and ending not in ROW_WISE:
        threshold = 0.5 if ending == "sigmoid" and output.pending == "identity" else 0.0
    numbers = output.buffer.beside(n, "int32")
    output.logits_used = True
    lowering.emit(kernels.Classes, output.buffer, numbers, threshold=threshold, positions=n)
    return numbers


def _classes_of_target(lowering: Lowering, output: Value, target: Target) -> Buffer:
    """The target's labels, or the argmax at each of its positions."""
    if target.labels:
        return target.buffer
    n = output.positions
    wanted = target.buffer.beside(n, "int32")
    lowering.emit(kernels.Classes, target.buffer, wanted, threshold=0.5 if output.columns == n else None, positions=n)
    return wanted


def _weight(lowering: Lowering, output: Value, target: Target) -> Buffer | None:
    """The weight of each position."""
    same = target.positions == output.positions
    return target.weight if same else repeated(lowering, target.sample_weight, output.positions)


def accuracy(lowering: Lowering, output: Value, target: Target, loss: Loss) -> Call:
    """The fraction of samples, or of positions, whose class is the target's (the argmax, for distributions).

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(2, "softmax", initializer="ones")], input_shape=(3,))
    >>> net = net.compile("sgd", "cross_entropy", metrics=["accuracy"])
    >>> net.evaluate(np.ones((4, 3)), [0, 0, 0, 1])["accuracy"]
    0.75
    """
    predicted, wanted = classes(lowering, output, loss), _classes_of_target(lowering, output, target)
    weight = _weight(lowering, output, target)
    return lowering.emit(kernels.Accuracy, predicted, wanted, weight, positions=output.positions)


def top_5_accuracy(lowering: Lowering, output: Value, target: Target, loss: Loss) -> Call:
    """The fraction of samples whose target is among the five most probable classes.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(3,), seed=0)
    >>> net = net.compile("sgd", "cross_entropy", metrics=["top_5_accuracy"])
    >>> net.evaluate(np.ones((10, 3)), np.arange(10))["top_5_accuracy"]
    0.5
    """
    n = output.positions
    if output.columns == n or not (loss.takes_labels or output.ending in ROW_WISE):
        raise ValueError("top_5_accuracy is for classes: end the network with softmax")
    output.logits_used = True
    wanted = _classes_of_target(lowering, output, target)
    return lowering.emit(
        kernels.TopAccuracy, output.buffer, wanted, _weight(lowering, output, target), k=5, positions=n
    )


def _values(name: str, lowering: Lowering, output: Value, target: Target) -> tuple[Buffer, Buffer, int]:
    """Outputs, targets, and the number of weights of a sample."""
    if target.labels:
        raise ValueError(f"{name} compares values; the targets are class numbers: use accuracy")
    weight = target.sample_weight
    return lowering.read(output).buffer, target.buffer, 1 if weight is None else weight.columns


def mae(lowering: Lowering, output: Value, target: Target, loss: Loss) -> Call:
    """|y - t|, the mean over all elements.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, initializer="zeros")], input_shape=(3,)).compile("sgd", "mse", ["mae"])
    >>> net.evaluate(np.ones((2, 3)), [1, 3])["mae"]
    2.0
    """
    y, t, n = _values("mae", lowering, output, target)
    return lowering.emit(kernels.ElementwiseLoss, y, t, None, target.sample_weight, loss="mae", positions=n)


def mse(lowering: Lowering, output: Value, target: Target, loss: Loss) -> Call:
    """(y - t)^2, the mean over all elements.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, initializer="zeros")], input_shape=(3,)).compile("sgd", "mae", ["mse"])
    >>> net.evaluate(np.ones((2, 3)), [1, 3])["mse"]
    5.0
    """
    y, t, n = _values("mse", lowering, output, target)
    return lowering.emit(kernels.ElementwiseLoss, y, t, None, target.sample_weight, loss="mse", positions=n)


def rmse(lowering: Lowering, output: Value, target: Target, loss: Loss) -> Call:
    """sqrt(mean((y - t)^2)), the mean over all elements.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, initializer="zeros")], input_shape=(3,)).compile("sgd", "mse", ["rmse"])
    >>> round(net.evaluate(np.ones((2, 3)), [1, 3])["rmse"], 4)
    2.2361
    """
    y, t, n = _values("rmse", lowering, output, target)
    return lowering.emit(kernels.RootMeanSquaredError, y, t, target.sample_weight, positions=n)


Metric = Callable[[Lowering, Value, Target, Loss], Call]

#: The metrics by name.
METRICS: dict[str, Metric] = {metric.__name__: metric for metric in (accuracy, top_5_accuracy, mae, mse, rmse)}


def resolve(name: str) -> Metric:
    """The metric of that name. Raises ValueError that lists the known ones."""
    return METRICS[checks.known("metric", name, METRICS)]


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
