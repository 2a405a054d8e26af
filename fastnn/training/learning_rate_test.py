"""The learning-rate range test."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.optimizers import FirstOrder

if TYPE_CHECKING:
    from fastnn.network import Network


class RangeTest(NamedTuple):
    """What `find_learning_rate` found: the rate and the loss of each step, and the rate that it suggests."""

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float


def find_learning_rate(
    net: Network,
    x: Any,
    y: Any,
    batch_size: int = 32,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
) -> RangeTest:
    """Trains a copy for `steps` steps at rates from lowest to highest, each larger by the same factor.

    It ends early where the loss is 4 times the least so far, or not finite. suggestion: a tenth of the rate at which
    the smoothed loss was least. The network stays as it is. Smith 2017, section 3.3.
    Raises RuntimeError before compile, ValueError and TypeError for what does not fit, FloatingPointError where not
    even two steps are finite.
    """
    assert net.compiled
    batch, steps = checks.integer("batch_size", batch_size), checks.integer("steps", steps, least=2)
    lowest = checks.real("lowest", lowest, least=checks.SMALLEST)
    highest = checks.real("highest", highest, least=lowest)
    if not isinstance(net.optimizer, FirstOrder):
        raise ValueError(f"find_learning_rate: {type(net.optimizer).__name__} has no learning rate to find")
    x, y, _ = net.examples(x, y)
    twin: Network = copy.copy(net)
    rates, losses = np.geomspace(lowest, highest, steps), []
    smoothed, lows = 0.0, []
    for step, rows in enumerate(_batches(net.seed, len(x[0]), batch, steps)):
        twin.optimizer.learning_rate = float(rates[step])  # type: ignore[union-attr]
        try:
            several = [[array[rows] for array in each] for each in (x, y)]
            inputs, targets = (each if len(each) > 1 else each[0] for each in several)
            losses.append(twin.train_on_batch(inputs, targets))
        except FloatingPointError:
            break
        smoothed = 0.9 * smoothed + 0.1 * losses[-1]
        lows.append(smoothed / (1 - 0.9 ** (step + 1)))
        if lows[-1] > 4 * min(lows):
            break
    if len(losses) < 2:
        raise FloatingPointError(f"find_learning_rate: the loss is not finite from the rate {lowest:g} on")
    settled = min(10, len(lows) // 2)  # before, few losses are in the mean, and chance may make it the least
    best = settled + int(np.argmin(lows[settled:]))
    return RangeTest(rates[: len(losses)], np.array(losses), float(rates[best] / 10))


def _batches(seed: int, samples: int, batch: int, steps: int) -> list[np.ndarray]:
    """The rows of each step: shuffled samples, as often as it takes."""
    epochs = -(-steps * batch // samples)
    order = np.concatenate([generator(seed, Purpose.SHUFFLE, epoch).permutation(samples) for epoch in range(epochs)])
    return [order[step * batch : (step + 1) * batch] for step in range(steps)]
