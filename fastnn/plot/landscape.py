"""Figures of the loss over the space of the parameters: a plane of it, and its critical points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks
from fastnn.inspection import CriticalPoint, Surface
from fastnn.plot.figure import new_figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Losses are drawn on a logarithmic scale where the greatest is this many times the least, down to a part of it.
LOGARITHMIC, LEAST = 20, 1e-4
#: The colour of each kind of critical point; "minimum or flat" has that of "minimum", and so on.
COLOURS = {"minimum": "tab:blue", "saddle": "tab:orange", "maximum": "tab:red", "flat": "tab:gray"}


def loss_surface(surface: Surface, title: str = "") -> Figure:
    """Plot the loss on a plane as colours and contours; where its range is large, on a logarithmic scale.

    Parameters
    ----------
    surface : Surface
        What `inspection.loss_surface` returns.
    title : str, default ""

    Returns
    -------
    Figure

    Raises
    ------
    TypeError
        Unless it is a Surface.
    ValueError
        Where the loss is nowhere finite.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastnn as fnn, fastnn.plot
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile("sgd", "mse")
    >>> surface = fnn.inspection.loss_surface(net, [[1.0, 0.0], [0.0, 2.0]], [0.0, 1.0], steps=5)
    >>> len(fnn.plot.loss_surface(surface, "a bowl").axes)
    2
    """
    if not isinstance(surface, Surface):
        raise TypeError(f"loss_surface: expected what inspection.loss_surface returns, got {type(surface).__name__}")
    loss = np.where(np.isfinite(surface.loss), surface.loss, np.nan)
    if np.isnan(loss).all():
        raise ValueError("loss_surface: the loss is nowhere finite")
    figure = new_figure(5.4, 4.4)
    low, high = float(np.nanmin(loss)), float(np.nanmax(loss))
    axes, norm, levels = figure.subplots(), _norm(low, high), _levels(low, high)
    if norm is not None:
        loss = np.maximum(loss, norm.vmin)
    image = axes.pcolormesh(surface.a, surface.b, loss, cmap="viridis", norm=norm, shading="nearest", rasterized=True)
    if len(levels) > 1:
        lines = axes.contour(surface.a, surface.b, loss, levels, colors="white", linewidths=0.8)
        axes.clabel(lines, levels[1::2], fmt=lambda level: f"{level:.3g}", fontsize=7)
    axes.plot(*surface.points.T, "o", color="white", markeredgecolor="black", clip_on=False)
    axes.set(xlabel="first direction", ylabel="second direction", aspect="equal")
    axes.set_title(plain([title])[0], fontsize=10)
    figure.colorbar(image, ax=axes, label="loss")
    return figure


def _norm(low: float, high: float) -> Any:
    """A logarithmic scale of colours where the range asks for it, else None."""
    from matplotlib.colors import LogNorm

    return LogNorm(max(low, LEAST * high), high) if low >= 0 and high > LOGARITHMIC * low else None


def _levels(low: float, high: float) -> np.ndarray:
    """Where contours are drawn, between least and greatest."""
    if low >= 0 and high > LOGARITHMIC * low:
        return np.geomspace(max(low, LEAST * high), high, 12)[1:-1]
    return np.linspace(low, high, 12)[1:-1] if high > low else np.empty(0)


def critical_points(points: Sequence[CriticalPoint]) -> Figure:
    """Plot critical points: the loss over the part of the directions along which it falls, and each one's eigenvalues.

    The area of a point grows with the root of its count. In the right half each row is a point, as in the list, and
    eigenvalues that may be 0 are grey.

    Parameters
    ----------
    points : list of CriticalPoint
        What `inspection.critical_points` returns.

    Returns
    -------
    Figure

    Raises
    ------
    TypeError
        Unless it is a list of CriticalPoint.
    ValueError
        For an empty list.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastnn as fnn, fastnn.plot
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(1,), seed=0).compile("sgd", "mse")
    >>> points = fnn.inspection.critical_points(net, [[0.0], [1.0]], [1.0, 3.0])
    >>> [axes.get_xlabel() for axes in fnn.plot.critical_points(points).axes]
    ['part of the directions along which the loss falls', 'eigenvalues of the Hessian']
    """
    each = checks.listed("critical_points", points, CriticalPoint, "a list as inspection.critical_points returns it")
    if not each:
        raise ValueError("critical_points: expected points, got none")
    figure = new_figure(9, max(3.6, 1.2 + 0.22 * len(each)))
    left, right = figure.subplots(1, 2)
    for kind in dict.fromkeys(point.kind for point in each):
        of = [point for point in each if point.kind == kind]
        falling = [point.negative / len(point.eigenvalues) for point in of]
        style = {"color": COLOURS[kind.split()[0]], "marker": "o" if kind in COLOURS else "s"}
        areas = [30 * np.sqrt(point.count) for point in of]
        left.scatter(falling, [point.loss for point in of], areas, alpha=0.6, label=kind, **style)
    left.set(xlabel="part of the directions along which the loss falls", ylabel="loss")
    left.margins(0.12)
    left.grid(alpha=0.3)
    for handle in left.legend(fontsize=8).legend_handles:
        handle.set_sizes([40])
    right.axvline(0, color="black", linewidth=0.6, alpha=0.5)
    for row, point in enumerate(each):
        flat = np.abs(point.eigenvalues) <= point.noise
        for values, colour in ((~flat, COLOURS[point.kind.split()[0]]), (flat, "lightgray")):
            right.plot(point.eigenvalues[values], [row] * values.sum(), "|", color=colour, markersize=9, mew=1.6)
    right.set_xscale("symlog", linthresh=1e-3)
    limits = right.get_xlim()
    right.set_xticks([0, *(sign * 10.0**power for sign in (1, -1) for power in range(-2, 9, 2))])
    right.set_xlim(limits)
    right.set_yticks(range(len(each)), [f"{round(point.loss, 6):g} (x{point.count})" for point in each], fontsize=7)
    right.invert_yaxis()
    right.set(xlabel="eigenvalues of the Hessian", ylabel="loss (count)")
    return figure
