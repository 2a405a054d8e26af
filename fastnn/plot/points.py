"""Figures of points: the codes that a network gives to samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.data import arrays
from fastnn.plot.figure import MOST, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def scatter(codes: Any, labels: Any) -> Figure:
    """Plot codes as points of the plane, in a colour for each class.

    Of codes with more than two columns the plane is that of the first two principal components: the directions in
    which they vary most, [1]_; the axes say which part of the variance each has. With more than 64 classes there is no
    legend.

    Parameters
    ----------
    codes : array (n, d)
        The codes, or features, of n samples, d >= 2.
    labels : array (n,)
        The samples' classes: numbers, or names, which the legend shows.

    Returns
    -------
    Figure

    Raises
    ------
    TypeError
        Unless codes holds numbers, and labels integers or texts.
    ValueError
        For other shapes, and codes that are not finite.
    ImportError
        Without matplotlib.

    References
    ----------
    .. [1] H. Hotelling, "Analysis of a Complex of Statistical Variables into Principal Components", Journal of
       Educational Psychology 24(6), 1933.

    Examples
    --------
    >>> import fastnn as fnn, fastnn.plot
    >>> (x, y), _ = fnn.datasets.digits()
    >>> axes = fnn.plot.scatter(x, y).axes[0]
    >>> axes.get_xlabel(), len(axes.get_legend().get_texts())
    ('principal component 1: 15% of the variance', 10)
    """
    points, kinds = arrays.numbers("scatter: codes", codes).astype(np.float64), np.asarray(labels)
    if points.ndim != 2 or not len(points) or points.shape[1] < 2:
        raise ValueError(f"scatter: expected codes (n, at least 2), got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("scatter: codes must be finite")
    if kinds.shape != points.shape[:1]:
        raise ValueError(f"scatter: expected a label for each of {len(points)} codes, got {kinds.shape}")
    if kinds.dtype == object and all(isinstance(kind, str) for kind in kinds):
        kinds = kinds.astype(str)
    if kinds.dtype.kind not in "biuU":
        raise TypeError(f"scatter: labels must be integers or texts, got {kinds.dtype}")
    names = ["first number of the code", "second number of the code"]
    if points.shape[1] > 2:
        points, shares = _components(points)
        names = [f"principal component {i}: {share:.0%} of the variance" for i, share in enumerate(shares, 1)]
    classes = np.unique(kinds)
    columns = -(-len(classes) // 20) if len(classes) <= MOST else 0  # of the legend
    figure, few = new_figure(5.2 + 1.2 * columns, 4.8), len(classes) <= 10
    axes = figure.subplots()
    from matplotlib import colormaps

    for i, (kind, name) in enumerate(zip(classes, plain(classes), strict=True)):
        colour = f"C{i}" if few else colormaps["turbo"](i / (len(classes) - 1))
        x, y = points[kinds == kind].T
        axes.scatter(x, y, s=np.clip(12_000 / len(points), 3, 30), color=[colour], alpha=0.7, linewidth=0, label=name)
    axes.set(xlabel=names[0], ylabel=names[1])
    if columns:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), ncols=columns, fontsize=8, markerscale=2)
    return figure


def _components(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two principal components of points, and which part of the variance each has.

    Signs are chosen so that the largest weight of a component is positive.
    """
    centred = points - points.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred)  # in ascending order
    first = axes[:, :-3:-1]
    first = first * np.sign(np.take_along_axis(first, np.abs(first).argmax(axis=0)[None], axis=0))
    return centred @ first, variances[:-3:-1].clip(0) / (variances.clip(0).sum() or 1.0)
