"""L-BFGS: a quasi-Newton method for small problems whose loss over all samples is cheap."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastnn import checks
from fastnn.optimizers.base import Optimizer

#: Of the Wolfe conditions: what part of the slope the loss must fall by, and what part of it may be left.
ARMIJO, CURVATURE = 1e-4, 0.9

#: The loss and its gradient (float64) at a point.
Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass
class LBFGS(Optimizer):
    """p = p - a H g: H from the last `memory` changes of p and g (two loops), a from a search along that line.

    `fit` makes one such iteration an epoch, on all samples at once (batch_size >= samples), and ends where no step
    lowers the loss any more; a History has the loss before each. learning_rate: the step a that a search tries first;
    1 is best. An iteration costs 2 evaluations of the loss and its gradient, or as many more as the search takes,
    `evaluations` at most. `train_on_batch` and weights with max_norm do not go with it.
    Raises ValueError for a learning_rate that is not positive, memory < 1 or evaluations < 1.
    Nocedal & Wright 2006, algorithm 7.4; the Wolfe conditions (3.6) by bisection, Lewis & Overton 2013, algorithm 2.6.
    """

    learning_rate: float = 1.0
    memory: int = 10
    evaluations: int = 25

    def check(self) -> None:
        self.real("learning_rate", least=checks.SMALLEST)
        self.memory = checks.integer("LBFGS: memory", self.memory, most=1000)
        self.evaluations = checks.integer("LBFGS: evaluations", self.evaluations)

    def slots(self) -> tuple[str, ...]:
        """The changes of p and of g in iteration k are in step_i and turn_i, i = k mod memory."""
        return tuple(f"{name}_{i}" for i in range(self.memory) for name in ("step", "turn"))

    def iterate(
        self, function: Function, point: np.ndarray, slots: list[tuple[np.ndarray, np.ndarray]], count: int
    ) -> np.ndarray:
        """One iteration, the count-th from 0 on: the next point (float32), or the same one where no step is found.

        slots: (step, turn) by i, float32; the place of this iteration is overwritten.
        """
        loss, gradient = function(point)
        newest_first = [slots[(count - i) % self.memory] for i in range(1, min(count, self.memory) + 1)]
        direction = -_product(gradient, newest_first)
        if not direction @ gradient < 0:  # what is remembered is of another function by now
            direction, newest_first = -gradient, []
        first = (
            self.learning_rate if newest_first else self.learning_rate * min(1, 1 / max(np.abs(gradient).sum(), 1e-30))
        )
        found = self._search(function, point, loss, gradient, direction, first)
        step, turn = slots[count % self.memory]
        if found is None:
            step[...], turn[...] = 0, 0
            return point
        after, gradient_after = found
        step[...], turn[...] = after - point, gradient_after - gradient
        return after

    def _search(
        self,
        function: Function,
        point: np.ndarray,
        loss: float,
        gradient: np.ndarray,
        direction: np.ndarray,
        length: float,
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """A point on the line, and its gradient: one that fulfils the Wolfe conditions, else one of less loss."""
        slope, low, high, found = direction @ gradient, 0.0, math.inf, None
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


def _product(gradient: np.ndarray, newest_first: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """H g by two loops over the remembered (step, turn); those without curvature are left out."""
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
