"""Points where the gradient of the loss vanishes: minima, saddles, maxima, and flat places."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.inspection.double import Double
from fastnn.network import Network

#: A gradient vanishes where its norm is less than this part of the largest one at the start.
VANISHED = 1e-10
#: Rounding of eigenvalues, relative to the largest.
ROUNDING = 1e-13
#: Differences of losses and eigenvalues up to which two points are the same.
SAME = 1e-4
#: The most steps of a search, its least damping, and the one at which it ends: no step was short enough.
STEPS, LEAST, STUCK = 300, 1e-15, 1e3
#: The most parameters: the Hessian of each point is decomposed in each step.
MOST = 300


@dataclass(frozen=True, eq=False)
class CriticalPoint:
    """A point where the gradient of the loss vanishes: what `critical_points` returns.

    Parameters
    ----------
    loss : float
    gradient : float
        The norm of the gradient that is left.
    eigenvalues : array, float64 (parameters,)
        Of the Hessian, in ascending order.
    noise : float
        How far off they may be: by as much as the Hessian changes within one more step of Newton's method, or by
        rounding. In a valley that falls for ever, that step is long however small the gradient is.
    count : int
        The searches that ended here.
    weights : dict of str to array
        The parameters by name, float64.

    Attributes
    ----------
    negative, flat, positive : int
        The directions along which the loss falls, neither falls nor rises as far as eigenvalues can tell (their
        magnitude is at most the noise), and rises.
    kind : str
        "minimum" where it rises in all directions, "maximum" where it falls in all, "saddle" where it rises in some and
        falls in others; "minimum or flat", "maximum or flat", and "flat" where flat directions leave that open.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(1,), seed=0).compile("sgd", "mse")
    >>> point = fnn.inspection.critical_points(net, [[0.0], [1.0]], [1.0, 3.0])[0]
    >>> point.negative, point.flat, point.positive, point.weights["dense_0.weight"].round(6).tolist()
    (0, 0, 2, [[2.0]])
    """

    loss: float
    gradient: float
    eigenvalues: np.ndarray = field(repr=False)
    noise: float
    count: int
    weights: dict[str, np.ndarray] = field(repr=False)

    @property
    def negative(self) -> int:
        return int((self.eigenvalues < -self.noise).sum())

    @property
    def positive(self) -> int:
        return int((self.eigenvalues > self.noise).sum())

    @property
    def flat(self) -> int:
        return len(self.eigenvalues) - self.negative - self.positive

    @property
    def kind(self) -> str:
        if self.negative and self.positive:
            return "saddle"
        sure = "minimum" if self.positive else "maximum" if self.negative else ""
        return " or ".join([sure] * bool(sure) + ["flat"] * bool(self.flat))


def critical_points(net: Network, x: Any, y: Any, starts: int = 60, spread: float = 1.0) -> list[CriticalPoint]:
    """Search for points where the gradient of the loss vanishes, from many starts, and tell what they are.

    From every second start the search first descends to a low loss, by Newton's method with the magnitudes of the
    eigenvalues, [1]_, and so finds minima. Then it descends on the norm of the gradient g, by steps
    -(H^2 + m)^-1 H g with a damping m, which lead to points of any kind, [2]_. Where it ends with |g| < 1e-10 of the
    largest |g| at a start, the point counts; elsewhere it was stuck, at a minimum of |g| above 0 say.

    All is computed in float64, by a second implementation for small networks; the loss is that of `evaluate`: dropout
    does not act, l2 counts. The network does not change.

    Parameters
    ----------
    net : Network
        Compiled and built: a chain of Dense and Activation layers (those that act in training only are left out), with
        the activations identity, tanh, sigmoid, softplus and silu, the loss mse, binary_cross_entropy or cross_entropy,
        and at most 300 parameters.
    x, y
        As in `fit`.
    starts : int, default 60
        The number of searches. The first starts at the network's parameters, the others at random ones, by its seed.
    spread : float, default 1
        The standard deviation of the random parameters, > 0.

    Returns
    -------
    list of CriticalPoint
        By ascending loss. Points are one, with a count, where their losses agree within 1e-4, and so do as many
        falling, flat and rising directions; and, where none is flat, their eigenvalues within 1e-4 of the largest: the
        minimum of a symmetric network, and the points of a flat valley. The one with the least noise stands for all.

    Raises
    ------
    RuntimeError
        Before the network is compiled and built.
    TypeError, ValueError
        For x and y that do not fit, starts < 1, spread <= 0, and for other layers, activations and losses.

    References
    ----------
    .. [1] Y. N. Dauphin, R. Pascanu, C. Gulcehre, K. Cho, S. Ganguli and Y. Bengio, "Identifying and Attacking the
       Saddle Point Problem in High-Dimensional Non-Convex Optimization", NIPS 2014, algorithm 1.
    .. [2] C. G. Frye, J. Simon, N. S. Wadia, A. Ligeralde, M. R. DeWeese and K. E. Bouchard, "Critical Point-Finding
       Methods Reveal Gradient-Flat Regions of Deep Network Losses", Neural Computation 33(6), 2021.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(2, "tanh"), fnn.Dense(1)], input_shape=(2,), seed=0).compile("sgd", "mse")
    >>> points = fnn.inspection.critical_points(net, [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], starts=20)
    >>> round(points[0].loss, 6), "saddle" in {point.kind for point in points}
    (0.0, True)
    """
    count = checks.integer("critical_points: starts", starts)
    scale = checks.real("critical_points: spread", spread, least=checks.SMALLEST)
    function = Double(net, x, y)
    net.evaluate(x, y)  # which checks the values of x and y
    size = function.present.size
    if size > MOST:
        raise ValueError(f"critical_points: {size} parameters, more than {MOST}")
    if not np.isfinite(function.present).all():
        raise ValueError("critical_points: the network has parameters that are not finite")
    points = generator(net.seed, Purpose.DIRECTIONS, 0).normal(0, scale, (count, size))
    points[0] = function.present
    largest = _norms(function.gradient(points)).max()
    points[1::2] = _descend(function, points[1::2], to_minima=True)
    points = _descend(function, points, to_minima=False)
    gradients = function.gradient(points)
    points = points[_norms(gradients) <= VANISHED * largest]
    return _merged([_point(function, point) for point in points])


def _norms(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(vectors, axis=-1))


def _descend(function: Double, points: np.ndarray, to_minima: bool) -> np.ndarray:
    """Points of lower loss, or with a smaller gradient: damped steps in the eigenvectors' coordinates."""
    merit = function.loss if to_minima else lambda points: _norms(function.gradient(points))
    points, values, damping = points.copy(), merit(points), np.full(len(points), 1e-2)
    for _ in range(STEPS):
        live = np.flatnonzero((damping < STUCK) & (values > checks.SMALLEST))
        if not live.size:
            break
        curvature, vectors = np.linalg.eigh(function.hessian(points[live]))
        slopes = np.einsum("kij,ki->kj", vectors, function.gradient(points[live]))
        damped = damping[live, None] * np.maximum(np.abs(curvature).max(axis=1, keepdims=True), checks.SMALLEST)
        if to_minima:
            steps = slopes / (np.abs(curvature) + damped)
        else:
            steps = curvature * slopes / (curvature**2 + damped**2)
        tried = points[live] - np.einsum("kij,kj->ki", vectors, steps)
        found = merit(tried)
        better = found < values[live]
        points[live[better]], values[live[better]] = tried[better], found[better]
        damping[live] = np.where(better, np.maximum(damping[live] / 10, LEAST), damping[live] * 3)
    return points


def _point(function: Double, point: np.ndarray) -> CriticalPoint:
    """What is at a point whose gradient vanishes."""
    gradient = function.gradient(point)
    hessian = function.hessian(point[None])[0]
    curvature, vectors = np.linalg.eigh(hessian)
    rounding = ROUNDING * np.abs(curvature).max()
    sure = np.abs(curvature) > rounding
    slopes = gradient @ vectors[:, sure]
    after = function.hessian((point - vectors[:, sure] @ (slopes / curvature[sure]))[None])[0]
    noise = max(rounding, np.linalg.norm(after - hessian, 2))
    weights = function.split(point.copy())
    return CriticalPoint(float(function.loss(point)), float(_norms(gradient)), curvature, float(noise), 1, weights)


def _merged(points: list[CriticalPoint]) -> list[CriticalPoint]:
    """The points by loss, each once, with how often it was found."""
    found: list[CriticalPoint] = []
    for point in sorted(points, key=lambda point: point.noise):
        twin = next((i for i, other in enumerate(found) if _same(point, other)), len(found))
        found[twin : twin + 1] = [replace(found[twin], count=found[twin].count + 1) if twin < len(found) else point]
    return sorted(found, key=lambda point: point.loss)


def _same(point: CriticalPoint, other: CriticalPoint) -> bool:
    if abs(point.loss - other.loss) > SAME * max(1, abs(other.loss)):
        return False
    if (point.negative, point.positive) != (other.negative, other.positive):
        return False
    difference = np.abs(point.eigenvalues - other.eigenvalues).max()
    return bool(point.flat or difference <= SAME * np.abs(other.eigenvalues).max())
