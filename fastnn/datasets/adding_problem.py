"""The adding problem: what recurrent networks are asked to remember."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import checked_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray


def adding_problem(
    samples: int, steps: int = 200, seed: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sequences x (samples, steps, 2) of numbers and markers, and y (samples, 1), the sum of the two marked numbers.

    The numbers are uniform in [0, 1). One marker, a 1 among zeros, is in the first half of the steps, one in the last.
    Who answers 1, the mean, has a mean squared error of 1/6: anything below shows that both numbers are remembered. The
    same seed gives the same sequences; None draws one. Raises ValueError for samples < 1 and steps < 2. Hochreiter &
    Schmidhuber 1997, section 5.4, in the form of Le, Jaitly & Hinton 2015.
    """
    samples = checks.integer("adding_problem: samples", samples)
    steps = checks.integer("adding_problem: steps", steps, 2)
    rng, rows = np.random.default_rng(checked_seed(seed)), np.arange(samples)
    x = np.zeros((samples, steps, 2), np.float32)
    x[..., 0] = rng.random((samples, steps), np.float32)
    marked = rng.integers(0, steps // 2, samples), rng.integers(steps // 2, steps, samples)
    for place in marked:
        x[rows, place, 1] = 1
    y: NDArray[np.float32] = (x[rows, marked[0], 0] + x[rows, marked[1], 0])[:, None]
    return x, y
