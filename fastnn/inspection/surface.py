"""The loss on a plane through the space of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.data import arrays
from fastnn.inference.feeding import CHUNK
from fastnn.inference.running import measure
from fastnn.inspection.curvature import hessian
from fastnn.model.assembly import Assembly
from fastnn.model.feed import ArrayFeed
from fastnn.model.parameters import Joined
from fastnn.network import Network


@dataclass(frozen=True, eq=False)
class Surface:
    """The loss on a plane: what `loss_surface` returns.

    Parameters
    ----------
    loss : array, float64 (steps, steps)
        loss[i, j] at the coordinates a[j], b[i]; NaN or infinite where it is not finite.
    a, b : array, float64 (steps,)
        Coordinates along the first direction and along the second.
    points : array, float64 (n, 2)
        Where the given points are: the network's own parameters, or three.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile("sgd", "mse")
    >>> fnn.inspection.loss_surface(net, [[1.0, 0.0], [0.0, 2.0]], [0.0, 1.0], steps=5).points
    array([[0., 0.]])
    """

    loss: np.ndarray
    a: np.ndarray
    b: np.ndarray
    points: np.ndarray


def loss_surface(
    net: Network, x: Any, y: Any, span: float = 1.0, steps: int = 31, directions: str | Sequence[Any] = "random"
) -> Surface:
    """Compute the loss, as `evaluate` does, on a plane through the space of the parameters.

    The network does not change, also if the call fails.

    Parameters
    ----------
    net : Network
        Compiled and built.
    x, y
        As in `evaluate`.
    span : float, default 1
        How far the plane reaches from the network's parameters in each direction, > 0. Around given points: how far
        beyond them, in halves of the longer side of the rectangle that they span.
    steps : int, default 31
        Places along each axis, at least 2.
    directions : str or list, default "random"
        "random": two random directions by the network's seed; those of each filter, that is of all weights into one
        unit, are scaled to the norm of the filter, biases and the parameters of normalizations stay, [1]_.
        "eigenvectors": unit vectors along which the loss curves down most, or up least, and up most: those of the
        least and the greatest eigenvalue of `hessian`. Or points of the plane, a list of networks of the same structure
        or of dicts of weights by name: three, or two to which the network's own parameters are the first. Coordinates
        are then distances from the first point, along the line to the second and at right angles to it, [2]_; weights
        include running statistics.

    Returns
    -------
    Surface

    Raises
    ------
    RuntimeError
        Before the network is compiled and built.
    TypeError, ValueError
        For x and y that do not fit, steps < 2, span <= 0, unknown directions, points of another structure, and points
        on one line.

    References
    ----------
    .. [1] H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, "Visualizing the Loss Landscape of Neural Nets", NeurIPS
       2018, section 4.
    .. [2] T. Garipov, P. Izmailov, D. Podoprikhin, D. Vetrov and A. G. Wilson, "Loss Surfaces, Mode Connectivity, and
       Fast Ensembling of DNNs", NeurIPS 2018, appendix A.1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> (x, y), _ = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile("adam")
    >>> surface = fnn.inspection.loss_surface(net, x, y, steps=11)
    >>> surface.loss.shape, bool(abs(surface.loss[5, 5] - net.evaluate(x, y)["loss"]) < 1e-6)
    ((11, 11), True)
    """
    half = checks.real("loss_surface: span", span, least=checks.SMALLEST)
    count = checks.integer("loss_surface: steps", steps, 2, 10_000)
    net.require_built()
    examples = net.examples(x, y)
    each = [name for name in net.blocks.each if name in net.gradients or not isinstance(directions, str)]
    views = Joined(net.weights[name] for name in each)
    here = views.read().astype(np.float64)
    if isinstance(directions, str):
        checks.known("directions", directions, ("random", "eigenvectors"))
        start, (u, v) = here, _random(net, each) if directions == "random" else _eigenvectors(net, x, y)
        points, a = np.zeros((1, 2)), np.linspace(-half, half, count)
        b = a
    else:
        start, u, v, points = _plane(net, each, here, directions)
        low, high = points.min(axis=0), points.max(axis=0)
        margin = half * (high - low).max() / 2
        a, b = np.linspace(low - margin, high + margin, count).T
    loss = np.empty((count, count))
    before, data = views.read(), ArrayFeed(examples, min(CHUNK, examples.size))
    with net.guard.changing("loss_surface"):
        try:
            for i, j in np.ndindex(count, count):
                views.write(start + a[j] * u + b[i] * v)
                loss[i, j] = measure(net, data)["loss"]
        finally:
            views.write(before)
    return Surface(loss, a, b, points)


def _random(net: Network, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Two directions over these parameters, normalized by filter."""
    found = []
    for index in (1, 2):
        rng, parts = generator(net.seed, Purpose.DIRECTIONS, index), []
        for name in names:
            weight, wanted = net.weights[name].astype(np.float64), net.blocks.wanted[name]
            part = rng.standard_normal(weight.shape) * (weight.ndim > 1)
            # The first axes, which a unit sums over; the last ones number the units.
            sizes = np.cumprod(weight.shape[:-1]).tolist()
            axes = tuple(range(sizes.index(wanted.fan_in) + 1 if wanted.fan_in in sizes else weight.ndim - 1))
            norms = [np.sqrt((array**2).sum(axis=axes, keepdims=True)) for array in (weight, part)]
            parts.append((part * norms[0] / np.maximum(norms[1], checks.SMALLEST)).ravel())
        found.append(np.concatenate(parts))
    return found[0], found[1]


def _eigenvectors(net: Network, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Those of the least and the greatest eigenvalue."""
    vectors = np.linalg.eigh(hessian(net, x, y)[0])[1]
    if len(vectors) < 2:
        raise ValueError("loss_surface: one parameter has no plane")
    return vectors[:, 0], vectors[:, -1]


def _plane(
    net: Network, names: Sequence[str], here: np.ndarray, given: Sequence[Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The first point, two orthonormal directions, and the coordinates of all three points."""
    kinds = "networks or dicts of weights"
    each = checks.listed("loss_surface: directions", given, (Assembly, Mapping), kinds)
    if len(each) not in (2, 3):
        raise ValueError(f"loss_surface: directions: expected two or three points, {kinds}, got {len(each)}")
    flat = [here] * (len(each) == 2)
    for i, point in enumerate(each):
        title, weights = f"directions[{i}]", point.weights if isinstance(point, Assembly) else point
        checks.names(title, weights, list(net.weights))
        for name, view in net.weights.items():
            if np.shape(weights[name]) != view.shape:
                raise ValueError(f"{title}: {name}: expected shape {view.shape}, got {np.shape(weights[name])}")
        flat.append(np.concatenate([arrays.numbers(f"{title}: {name}", weights[name]).ravel() for name in names]))
    start, second, third = (point.astype(np.float64) for point in flat)
    u = (second - start) / max(length := float(np.linalg.norm(second - start)), checks.SMALLEST)
    along = float((third - start) @ u)
    v = third - start - along * u
    across = float(np.linalg.norm(v))
    if not (length and across > 1e-6 * max(length, abs(along))):
        raise ValueError("loss_surface: directions: the three points are on one line")
    return start, u, v / across, np.array([[0, 0], [length, 0], [along, across]])
