"""Gradients of the loss, by backpropagation in one call, and their check by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.model.compiled import Compiled
from fastnn.model.objectives import one_or_all
from fastnn.model.request import Kind, Request

WIDTHS = (0.01, 0.003, 0.001)
#: The number of the largest gradients of each tensor that are checked, and of the others.
EACH = 8


@contextmanager
def passes(
    net: Compiled, x: Any, y: Any, lengths: Any = None, still: bool = False
) -> Iterator[tuple[Callable[[], float], dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """A function that computes the loss on x and y and its gradients; copies of x, and dx. All is restored.

    still: as in prediction, without dropout and with running statistics.
    """
    examples = net.examples(x, y, lengths=lengths)
    examples = examples._replace(inputs=[array.copy() for array in examples.inputs])
    x, rows = examples.inputs, examples.size
    dx = [np.empty(array.shape, np.float32) for array in x]
    with net.guard.changing("gradient"), net.built_for(x):
        program = net.pool.lease(
            net, net.at(Request.of(Kind.GRADIENT, examples)._replace(still=still), examples.inputs), rows
        )
        kept = [(tensor.array, tensor.array.copy()) for tensor in program.plan.kept]

        def take() -> float:
            program.plan.run(rows, rows, step=net.counters.step, update=net.counters.update, pause=0)
            return program.last()["loss"]

        try:
            program.attach(*examples.arrays, *dx)
            names = [port.name for port in program.plan.ports[: len(x)]]
            yield take, dict(zip(names, x, strict=True)), dict(zip(names, dx, strict=True))
        finally:
            for view, before in kept:
                view[...] = before
            net.pool.give_back(program)


class Gradients(Compiled):
    """The verb that computes gradients without training."""

    def gradient(self, x: Any, y: Any, lengths: Any = None) -> tuple[Any, dict[str, np.ndarray]]:
        """Compute the gradients of the loss on x and y, as a training step sees them.

        Dropout acts, with the masks of the next step. Nothing in the network changes, not even `gradients`.

        Parameters
        ----------
        x, y, lengths
            As in `fit`; the gradient with respect to steps of the padding is 0.

        Returns
        -------
        dx : array, float32 (batch, ...)
            The gradient with respect to x; for several inputs a dict by name.
        gradients : dict of str to array
            The gradient with respect to each parameter, those of frozen layers too.

        Raises
        ------
        RuntimeError, TypeError, ValueError, FloatingPointError
            As `train_on_batch`.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile("sgd", "mse")
        >>> dx, gradients = net.gradient(np.eye(2), np.ones(2))
        >>> dx.shape, sorted(gradients)
        ((2, 2), ['dense_0.bias', 'dense_0.weight'])
        """
        with passes(self, x, y, lengths) as (take, _, dx):
            take()
            parameters = {name: view.copy() for name, view in self.gradients.items()}
            return one_or_all(self.graph.inputs, list(dx.values())), parameters


def check_gradients(net: Compiled, x: Any, y: Any, tolerance: float = 0.01, lengths: Any = None) -> dict[str, float]:
    """Compare the gradients of the loss on x and y with finite differences, for custom layers and losses.

    For x and for each parameter the 8 largest gradients and 8 others are compared with central differences of width
    h max(1, |value|), where h = 0.01, 0.003 or 0.001, whichever is closest: a wide one may step over the kink of a
    relu, and over a narrow one a float32 loss hardly changes. At a kink, any slope between the one-sided differences is
    right. The network does not change.

    Parameters
    ----------
    net : Network
        Compiled.
    x, y
        As in `fit`; x must be float32 or float64.
    tolerance : float, default 0.01
        The largest error allowed.
    lengths : array of int (batch,), optional
        As in `fit`.

    Returns
    -------
    dict of str to float
        The largest error of x and of each parameter, relative to its largest gradient, or to 0.001 of the loss if that
        is greater.

    Raises
    ------
    ArithmeticError
        For an error greater than the tolerance; the message names the first such element.
    RuntimeError, TypeError, ValueError, FloatingPointError
        As `train_on_batch`.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile("sgd", "mse")
    >>> errors = fnn.check_gradients(net, np.eye(2), np.ones(2))
    >>> sorted(errors), max(errors.values()) < 0.01
    (['dense_0.bias', 'dense_0.weight', 'x'], True)
    """
    tolerance = checks.real("tolerance", tolerance, least=0)
    with passes(net, x, y, lengths) as (take, copies, dx):
        for name, copy in copies.items():
            if copy.dtype.kind != "f":
                raise TypeError(f"{name}: expected float32 or float64, which can be varied, got {copy.dtype}")
        loss = take()
        wanted = {name: (copy, dx[name].copy()) for name, copy in copies.items()}
        wanted |= {name: (net.weights[name], net.gradients[name].copy()) for name in net.gradients}
        rng = generator(0, Purpose.SPLIT, 0)
        errors = {}
        for name, (values, gradients) in wanted.items():
            scale = max(float(np.abs(gradients).max()), 1e-3 * abs(loss))
            errors[name] = 0.0
            for place in _chosen(values, gradients, rng):
                found = float(gradients[place])
                slope = _nearest(take, values, place, found, loss)
                error = abs(slope - found) / scale
                if not error <= tolerance:
                    at = f"{name}[{', '.join(map(str, place))}]"
                    raise ArithmeticError(
                        f"{at}: the gradient is {found:g} by backward, {slope:g} by finite differences"
                    )
                errors[name] = max(errors[name], error)
        return errors


def _chosen(values: np.ndarray, gradients: np.ndarray, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """The positions of the largest gradients and of some others; values that are not finite are padding."""
    order = np.argsort(-np.abs(gradients), axis=None)
    order = order[np.isfinite(values.ravel()[order])]
    others = rng.permutation(order[EACH:])[:EACH]
    return [tuple(map(int, np.unravel_index(i, gradients.shape))) for i in (*order[:EACH], *others)]


def _nearest(take: Callable[[], float], values: np.ndarray, place: tuple[int, ...], found: float, loss: float) -> float:
    """The difference quotient of the loss for one element that is closest to the gradient `found`."""
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
    sides = sorted((end - loss) / (at - float(before)) for at, end in ends)
    return min(*slopes, min(max(found, sides[0]), sides[1]), key=lambda slope: abs(slope - found))
