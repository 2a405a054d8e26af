"""The adding problem, a test of how long recurrent networks remember."""

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
    """Generate sequences of numbers and markers, and the sum of the two marked numbers of each.

    The numbers are uniform in [0, 1). One marker, a 1 among zeros, is in the first half of the steps, one in the
    second. Always answering 1, the mean, has a mean squared error of 1/6: anything less shows that both numbers are
    remembered.

    Parameters
    ----------
    samples : int
        The number of sequences.
    steps : int, default 200
        The length of each, at least 2.
    seed : int, optional
        The same seed gives the same sequences. None draws one.

    Returns
    -------
    x : array, float32 (samples, steps, 2)
        Numbers and markers.
    y : array, float32 (samples, 1)
        The sums.

    Raises
    ------
    TypeError, ValueError
        For samples < 1 and steps < 2.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997, section 5.4, in the form
    of Q. V. Le, N. Jaitly and G. E. Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
    2015.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x, y = fnn.datasets.adding_problem(10, steps=50, seed=0)
    >>> x.shape, y.shape
    ((10, 50, 2), (10, 1))
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
