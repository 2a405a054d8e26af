"""The score of a network over the number of samples that it is trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from numbers import Real
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.network import Network
from fastnn.training.held_out import classes_of, split

#: The settings of `fit` that each training may have; others belong to the data, which are parted here.
SETTINGS = ("batch_size", "epochs", "shuffle", "callbacks", "verbose", "class_weight")


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Scores over the number of training samples: what `learning_curve` returns.

    Parameters
    ----------
    sizes : array, int64 (sizes,)
        Numbers of training samples, ascending.
    training, validation : array, float64 (sizes, repeats)
        The score of each trained network on the samples that it was trained on, and on the validation data.
    metric : str
        What the score is: "loss", or the name of a metric.

    Examples
    --------
    >>> import fastnn as fnn
    >>> build = lambda: fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile("adam")
    >>> (x, y), _ = fnn.datasets.digits()
    >>> fnn.inspection.learning_curve(build, x, y, sizes=[20, 0.5], repeats=2).sizes
    array([ 20, 574])
    """

    sizes: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    metric: str


def learning_curve(
    build: Callable[[], Network],
    x: Any,
    y: Any,
    sizes: Sequence[float] = (0.1, 0.2, 0.5, 1.0),
    repeats: int = 3,
    metric: str = "loss",
    validation_data: Any = None,
    validation_split: float = 0.2,
    **fit: Any,
) -> LearningCurve:
    """Train new networks on more and more of the samples, and measure each on its own samples and on validation data.

    A validation score that still improves with the number of samples says that more samples would help. Where both
    scores have come together, and are bad, they would not: the network is too small, or trained too briefly.

    In each repeat the validation data and the samples are drawn again, with the same fraction of each class; those of
    a smaller size are among those of the larger ones. What is drawn follows from the seed of the first network.

    Parameters
    ----------
    build : callable
        A function without arguments that returns a new, compiled network. With a seed each network starts from the same
        weights, and repeats differ in their samples only.
    x, y : array
        As in `fit`. The samples of each training are copied.
    sizes : list of float or int, default (0.1, 0.2, 0.5, 1.0)
        The numbers of training samples: a float is a fraction of those that are not held out, 0 < size <= 1, an int a
        number. Equal ones count once.
    repeats : int, default 3
        Trainings for each size.
    metric : str, default "loss"
        The score: the name of a value that `evaluate` returns.
    validation_data : tuple, optional
        (x, y) and so on, as in `fit`. None holds out a part of x and y.
    validation_split : float, default 0.2
        The fraction that is held out where there is no validation_data.
    **fit
        The settings of each training: batch_size, epochs, shuffle, callbacks, class_weight and verbose, as in `fit`;
        verbose is 0 by default. Where there are callbacks, fit has the validation data too, for early stopping.

    Returns
    -------
    LearningCurve

    Raises
    ------
    TypeError
        Where build is not such a function, and for an unknown setting.
    RuntimeError
        Where a network is not compiled.
    ValueError
        For sizes outside the data or smaller than the number of classes, an unknown metric, and a function that returns
        the same network twice.
    TypeError, ValueError, FloatingPointError
        As `fit` and `evaluate`.

    Examples
    --------
    >>> import fastnn as fnn
    >>> (x, y), _ = fnn.datasets.digits()
    >>> def build():
    ...     net = fnn.Sequential([fnn.Dense(32, "relu"), fnn.Dense(10, "softmax")], input_shape=(64,), seed=0)
    ...     return net.compile("adam", metrics=["accuracy"])
    >>> curve = fnn.inspection.learning_curve(build, x, y, sizes=[50, 200, 1.0], metric="accuracy", epochs=10)
    >>> curve.sizes, curve.validation.shape
    (array([  50,  200, 1149]), (3, 3))
    >>> bool(curve.validation[0].mean() < curve.validation[-1].mean())
    True
    """
    unknown = [name for name in fit if name not in SETTINGS]
    if unknown:
        raise TypeError(f"learning_curve: unknown setting {unknown[0]!r}; those of fit are {', '.join(SETTINGS)}")
    count = checks.integer("learning_curve: repeats", repeats)
    networks = _networks(build)
    first = next(networks)
    examples = first.examples(x, y)
    classes = classes_of(first, examples)
    randoms = [generator(first.seed, Purpose.SPLIT, repeat) for repeat in range(count)]
    if validation_data is None:
        fraction = checks.real("validation_split", validation_split, least=0, below=1)
        held = np.array([split(examples.size, fraction, random, classes) for random in randoms])
        if not held.any(axis=1).all():
            raise ValueError(f"validation_split {fraction} of {examples.size} samples leaves no validation data")
        parts = [examples.part(np.flatnonzero(mask)) for mask in held]
    elif isinstance(validation_data, (tuple, list)):
        held, parts = np.zeros((count, examples.size), bool), [tuple(validation_data)] * count
    else:
        raise TypeError(f"validation_data must be (x, y) and so on, got {type(validation_data).__name__}")
    numbers = _numbers(sizes, int((~held).sum(axis=1).min()), classes)
    checks.known("metric", metric, first.evaluate(*parts[0]))
    scores, networks = np.empty((2, len(numbers), count)), chain([first], networks)
    for repeat, (random, validation) in enumerate(zip(randoms, parts, strict=True)):
        seen = {"validation_data": validation} if fit.get("callbacks") else {}
        for place, rows in enumerate(_nested(np.flatnonzero(~held[repeat]), numbers, random, classes)):
            net, data = next(networks), examples.part(rows)
            net.fit(*data, **{"verbose": 0, **fit, **seen})
            scores[:, place, repeat] = [net.evaluate(*each)[metric] for each in (data, validation)]
    return LearningCurve(numbers, scores[0], scores[1], metric)


def _networks(build: Any) -> Iterator[Network]:
    """A new network each time."""
    before = None
    while True:
        net = build() if callable(build) and not isinstance(build, Network) else None
        if not isinstance(net, Network):
            given = f"one that returns {type(net).__name__}" if callable(build) else type(build).__name__
            raise TypeError(f"learning_curve: build must be a function that returns a compiled network, got {given}")
        if net is before:
            raise ValueError("learning_curve: build returned the same network again; make a new one at each call")
        net.require_loss()
        yield net
        before = net


def _numbers(sizes: Any, most: int, classes: np.ndarray | None) -> np.ndarray:
    """The numbers of training samples, ascending."""
    least, found = 1 if classes is None else len(np.unique(classes)), set()
    for size in checks.listed("learning_curve: sizes", sizes, Real, "fractions or numbers of samples"):
        if whole := hasattr(size, "__index__"):
            number = checks.integer("learning_curve: sizes", size)
        else:
            number = round(checks.real("learning_curve: sizes", size, 0, 1) * most)
        if not least <= number <= most:
            what = "samples" if classes is None else f"samples of {least} classes"
            given = f"{number} samples" if whole else f"{size:g}, that is {number} samples"
            raise ValueError(f"learning_curve: sizes: expected {least} to {most} training {what}, got {given}")
        found.add(number)
    if not found:
        raise ValueError("learning_curve: sizes: expected fractions or numbers of samples, got none")
    return np.array(sorted(found))


def _nested(
    rows: np.ndarray, numbers: np.ndarray, random: np.random.Generator, classes: np.ndarray | None
) -> list[np.ndarray]:
    """Parts of these rows, of each number of samples; each is a part of the next, with its fractions of classes."""
    parts = []
    for number in numbers[::-1]:
        if number < len(rows):
            rows = rows[split(len(rows), number / len(rows), random, None if classes is None else classes[rows])]
        parts.append(rows)
    return parts[::-1]
