"""Gradients of the loss, by backpropagation in one call, and checked by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import arrays, checks
from fastnn.randomness import Purpose, generator

if TYPE_CHECKING:
    from fastnn.network import Network

WIDTHS = (0.01, 0.003, 0.001)
#: Of each tensor so many of the largest gradients are checked, and as many others.
EACH = 8


@contextmanager
def _passes(net: Network, x: Any, y: Any) -> Iterator[tuple[Callable[[], float], np.ndarray, np.ndarray]]:
    """A function that takes the loss on x and y and its gradients; a copy of x, and dx. All is put back at the end."""
    x, shape = net.samples(x)
    y, labels = arrays.targets(y, len(x), shape, net.compiled.takes_labels)
    x, dx = x.copy(), np.empty(x.shape, np.float32)
    with net.guard.changing("gradient"), net.built_for(x):
        program = net.pool.lease(net, "gradient", len(x), labels)
        kept = [(tensor.array, tensor.array.copy()) for tensor in program.plan.kept]

        def take() -> float:
            program.plan.run(len(x), len(x), step=net.counters["step"], pause=0)
            return program.last()["loss"]

        try:
            program.attach(x, y, dx)
            yield take, x, dx
        finally:
            for view, before in kept:
                view[...] = before
            net.pool.give_back(program)


def gradient(net: Network, x: Any, y: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The gradients of the loss on x and y: with respect to x, in its shape, and to each parameter by name, float32.

    As a training step sees them (dropout acts, with the masks of the next step). Nothing in the network changes, not
    even `gradients`. Raises as `train_on_batch`.
    """
    with _passes(net, x, y) as (take, _, dx):
        take()
        return dx, {name: view.copy() for name, view in net.gradients.items()}


def check_gradients(net: Network, x: Any, y: Any, tolerance: float = 0.01) -> dict[str, float]:
    """Compares the gradients of the loss on x and y with finite differences, for layers and losses of your own.

    Of x and of each parameter the 8 largest gradients and 8 others are compared, each with the central difference of
    width h max(1, |value|), h = 0.01, 0.003 or 0.001, that comes closest: over a wide one there may be the kink of a
    relu, over a narrow one a float32 loss hardly differs. Returns each tensor's largest error, relative to its largest
    gradient, or to 0.001 of the loss where that is more. Raises ArithmeticError that names the first element with an
    error greater than the tolerance, and as `train_on_batch`; nothing in the network changes.
    """
    tolerance = checks.real("tolerance", tolerance, least=0)
    with _passes(net, x, y) as (take, x_copy, dx):
        if x_copy.dtype.kind != "f":
            raise TypeError(f"x: expected float32 or float64, which can be varied, got {x_copy.dtype}")
        loss = take()
        wanted = {"x": (x_copy, dx.copy())}
        wanted |= {name: (net.weights[name], net.gradients[name].copy()) for name in net.gradients}
        rng = generator(0, Purpose.SPLIT, 0)
        errors = {}
        for name, (values, gradients) in wanted.items():
            scale = max(float(np.abs(gradients).max()), 1e-3 * abs(loss))
            errors[name] = 0.0
            for place in _chosen(gradients, rng):
                found = float(gradients[place])
                slope = min(_slopes(take, values, place), key=lambda slope: abs(slope - found))
                error = abs(slope - found) / scale
                if not error <= tolerance:
                    at = f"{name}[{', '.join(map(str, place))}]"
                    raise ArithmeticError(
                        f"{at}: the gradient is {found:g} by backward, {slope:g} by finite differences"
                    )
                errors[name] = max(errors[name], error)
        return errors


def _chosen(gradients: np.ndarray, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """The places of the largest gradients, and of some others."""
    order = np.argsort(-np.abs(gradients), axis=None)
    others = rng.permutation(order[EACH:])[:EACH]
    return [tuple(map(int, np.unravel_index(i, gradients.shape))) for i in (*order[:EACH], *others)]


def _slopes(take: Callable[[], float], values: np.ndarray, place: tuple[int, ...]) -> list[float]:
    """Central differences of the loss with respect to one element, for each width."""
    before = values[place]
    slopes = []
    try:
        for h in WIDTHS:
            ends = []
            for sign in (1, -1):
                values[place] = before + sign * h * max(1.0, abs(float(before)))
                ends.append((float(values[place]), take()))
            slopes.append((ends[0][1] - ends[1][1]) / (ends[0][0] - ends[1][0]))
    finally:
        values[place] = before
    return slopes
