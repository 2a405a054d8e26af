"""Figures of numbers: learning curves, confusion matrices, gradients over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import metrics
from fastnn.common import checks
from fastnn.inspection import LearningCurve
from fastnn.model.history import History
from fastnn.model.learning_curves import draw
from fastnn.plot.figure import MOST, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curves(history: History | Mapping[str, History]) -> Figure:
    """Plot the loss and each metric over the epochs, for training and validation.

    Parameters
    ----------
    history : History or dict of str to History
        What `fit` returns; or several by name, which are compared in the same axes.

    Returns
    -------
    Figure

    Raises
    ------
    TypeError
        Unless it is a History, or a dict of them.
    ValueError
        For a history without epochs, and for an empty dict.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastnn as fnn, fastnn.plot
    >>> (x, y), test = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0)
    >>> net = net.compile("adam", metrics=["accuracy"])
    >>> history = net.fit(x, y, epochs=2, validation_data=test, verbose=0)
    >>> figure = fnn.plot.learning_curves(history)
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'accuracy']
    >>> later = net.fit(x, y, epochs=2, validation_data=test, verbose=0)
    >>> figure = fnn.plot.learning_curves({"first": history, "later": later})
    """
    histories = dict(history) if isinstance(history, Mapping) else {"": history}
    if not histories:
        raise ValueError("learning_curves: expected histories by name, got none")
    for name, each in histories.items():
        if not isinstance(each, History):
            where = f"learning_curves: {name}".removesuffix(": ")
            raise TypeError(f"{where}: expected a History, as fit returns it, got {type(each).__name__}")
    return draw({str(name): (each.epoch, each.history) for name, each in histories.items()})


def learning_curve(curve: LearningCurve) -> Figure:
    """Plot a score over the number of training samples: the mean of the repeats, and their range.

    Parameters
    ----------
    curve : LearningCurve
        What `inspection.learning_curve` returns.

    Returns
    -------
    Figure

    Raises
    ------
    TypeError
        Unless it is a LearningCurve.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastnn as fnn, fastnn.plot
    >>> build = lambda: fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile("adam")
    >>> (x, y), _ = fnn.datasets.digits()
    >>> curve = fnn.inspection.learning_curve(build, x, y, sizes=[20, 200], repeats=2)
    >>> fnn.plot.learning_curve(curve).axes[0].get_xlabel()
    'training samples'
    """
    if not isinstance(curve, LearningCurve):
        hint = "; plot.learning_curves draws it" if isinstance(curve, History) else ""
        kind = type(curve).__name__
        raise TypeError(f"learning_curve: expected what inspection.learning_curve returns, got {kind}{hint}")
    figure = new_figure(5.4, 3.6)
    axes = figure.subplots()
    for scores, name, colour in ((curve.training, "training", "C0"), (curve.validation, "validation", "C1")):
        axes.plot(curve.sizes, scores.mean(axis=1), marker=".", color=colour, label=name)
        axes.fill_between(curve.sizes, scores.min(axis=1), scores.max(axis=1), color=colour, alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set_xticks(curve.sizes, [str(size) for size in curve.sizes])
    axes.minorticks_off()
    axes.set(xlabel="training samples", ylabel=plain([curve.metric])[0])
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def confusion_matrix(y: Any, predicted: Any, classes: Sequence[str] | None = None) -> Figure:
    """Plot how many samples of each class (rows) were predicted as which class (columns).

    With more than 64 classes only the colours are shown.

    Parameters
    ----------
    y, predicted
        As in `fastnn.metrics.confusion_matrix`.
    classes : list of str, optional
        The classes' names. None numbers them.

    Returns
    -------
    Figure

    Raises
    ------
    TypeError, ValueError
        As `fastnn.metrics.confusion_matrix`, and for classes that are not a list.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastnn as fnn, fastnn.plot
    >>> figure = fnn.plot.confusion_matrix([0, 1, 1], [0, 0, 1], ["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '1', '1']
    """
    given = None if classes is None else checks.listed("confusion_matrix: classes", classes, object, "names")
    counts = metrics.confusion_matrix(y, predicted, None if given is None else len(given))
    n = len(counts)
    names = plain(range(n) if given is None else given)
    side = 2.2 + 0.5 * min(n, MOST)
    figure = new_figure(side, side)
    axes = figure.subplots()
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted class", ylabel="true class")
    if n > MOST:
        return figure
    axes.set_xticks(range(n), names, rotation=90)
    axes.set_yticks(range(n), names)
    for i, j in np.ndindex(n, n):
        if counts[i, j]:
            colour = "white" if fractions[i, j] > 0.5 else "black"
            axes.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=8, color=colour)
    return figure


def gradient_over_time(norms: Mapping[str, Any]) -> Figure:
    """Plot gradient norms over the time steps of the input, on a logarithmic scale. Zeros are left out.

    Parameters
    ----------
    norms : dict of str to array (time,)
        What `inspection.gradient_over_time` returns, by the name of the curve.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        For an empty dict, norms of another shape, and norms that are negative or NaN.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastnn as fnn, fastnn.plot
    >>> figure = fnn.plot.gradient_over_time({"RNN": [1e-6, 1e-3, 1]})
    >>> figure.axes[0].get_yscale()
    'log'
    """
    each = {name: np.asarray(values, np.float64) for name, values in norms.items()}
    if not each:
        raise ValueError("gradient_over_time: expected norms by name, got none")
    figure = new_figure(6.4, 3.8)
    axes = figure.subplots()
    for name, values in each.items():
        if values.ndim != 1 or not (values >= 0).all():
            raise ValueError(f"gradient_over_time: {name}: expected norms >= 0 (time,), got {values.shape}")
        axes.plot(np.arange(1, len(values) + 1), np.where(values > 0, values, np.nan), label=name)
    axes.set_yscale("log")
    axes.set(xlabel="time step of the input", ylabel="norm of the gradient of the loss")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
