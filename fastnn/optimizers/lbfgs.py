"""L-BFGS: a quasi-Newton method for small problems whose loss over all samples is cheap."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastnn.common import checks
from fastnn.optimizers.base import Optimizer

#: The Wolfe conditions: the loss must fall by at least the first fraction of the slope, and at most the second may be
#: left of the slope.
ARMIJO, CURVATURE = 1e-4, 0.9

#: The loss and its gradient (float64) at a point.
Function = Callable[[np.ndarray], tuple[float, np.ndarray]]
#: Changes of the point and of the gradient in earlier iterations.
Pairs = list[tuple[np.ndarray, np.ndarray]]


@dataclass(eq=False, repr=False)
class LBFGS(Optimizer):
    """p = p - a H g: H from the last `memory` changes of p and g (two loops, [1]_), a from a line search.

    `fit` makes one iteration per epoch, on all samples at once (batch_size >= samples), and ends when no step lowers
    the loss any more; the History holds the loss before each iteration. An iteration costs 2 evaluations of the loss
    and its gradient, or as many as the search needs. `train_on_batch` and weights with max_norm are not supported.

    Parameters
    ----------
    learning_rate : float, default 1
        The step a that a search tries first, > 0; 1 is best.
    memory : int, default 10
        The number of changes kept, each of the size of the parameters twice.
    evaluations : int, default 25
        The most evaluations of one search.

    Raises
    ------
    TypeError, ValueError
        For learning_rate <= 0, memory < 1 or evaluations < 1.

    References
    ----------
    .. [1] J. Nocedal and S. J. Wright, Numerical Optimization, 2nd edition, 2006, algorithm 7.4 and the Wolfe
       conditions (3.6).
    .. [2] A. S. Lewis and M. L. Overton, "Nonsmooth Optimization via Quasi-Newton Methods", Mathematical Programming
       141, 2013, algorithm 2.6 (the search, by bisection).

    Examples
    --------
    >>> import fastnn as fnn
    >>> (x, y), _ = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile(fnn.LBFGS())
    >>> history = net.fit(x, y, batch_size=len(x), epochs=20, verbose=0).history
    >>> history["loss"][-1] < 0.1
    True
    """

    learning_rate: float = 1.0
    memory: int = 10
    evaluations: int = 25

    def check(self) -> None:
        self.real("learning_rate", least=checks.SMALLEST)
        self.integer("memory", most=1000)
        self.integer("evaluations")

    def slots(self) -> tuple[str, ...]:
        """The changes of p and of g in iteration k are in step_i and turn_i, i = k mod memory."""
        return tuple(f"{name}_{i}" for i in range(self.memory) for name in ("step", "turn"))

    def iterate(self, function: Function, point: np.ndarray, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
        """One iteration: the next point (float32) and the change of the gradient; the same point if no step is found.

        pairs: the changes (step, turn) of earlier iterations, newest first.
        """
        loss, gradient = function(point)
        direction = -_product(gradient, pairs)
        length = self.learning_rate
        if not pairs or not direction @ gradient < 0:  # the first iteration, or pairs of another function
            direction = -gradient
            length *= min(1, 1 / max(np.abs(gradient).sum(), checks.SMALLEST))
        after, gradient_after = self._search(function, point, loss, gradient, direction, length)
        return after, gradient_after - gradient

    def _search(
        self,
        function: Function,
        point: np.ndarray,
        loss: float,
        gradient: np.ndarray,
        direction: np.ndarray,
        length: float,
    ) -> tuple[np.ndarray, np.ndarray]:
        """A point on the line, and its gradient: one that fulfils the Wolfe conditions, else one with a lower loss."""
        slope, low, high, found = direction @ gradient, 0.0, math.inf, (point, gradient)
        for _ in range(self.evaluations):
            after = (point + length * direction).astype(np.float32)
            loss_after, gradient_after = function(after)
            if not loss_after <= loss + ARMIJO * length * slope:
                high = length
            else:
                if loss_after < loss:
                    found = after, gradient_after
                if direction @ gradient_after >= CURVATURE * slope:
                    break
                low = length
            length = 2 * length if high == math.inf else (low + high) / 2
        return found


def _product(gradient: np.ndarray, newest_first: Pairs) -> np.ndarray:
    """H g by two loops over the remembered (step, turn); pairs without positive curvature are left out."""
    result, pairs = gradient.copy(), []
    for step32, turn32 in newest_first:
        step, turn = step32.astype(np.float64), turn32.astype(np.float64)
        curvature = step @ turn
        if curvature > 1e-10 * (turn @ turn):
            pairs.append((step, turn, curvature, step @ result / curvature))
            result -= pairs[-1][-1] * turn
    if pairs:
        _, turn, curvature, _ = pairs[0]
        result *= curvature / (turn @ turn)
    for step, turn, curvature, part in reversed(pairs):
        result += (part - turn @ result / curvature) * step
    return result
