"""The learning-rate test: how the loss develops while the learning rate grows."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.optimizers import FirstOrder
from fastnn.training.fit import Training


class RangeTest(NamedTuple):
    """What `find_learning_rate` found: the rate and the loss of each step, and the rate that it suggests."""

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float


class LearningRateTest(Training):
    """The verb by which a learning rate is found."""

    def find_learning_rate(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        lowest: float = 1e-6,
        highest: float = 10.0,
        steps: int = 100,
    ) -> RangeTest:
        """Train a copy at learning rates from lowest to highest, each larger by the same factor.

        It ends early where the loss is 4 times the least so far, or not finite. The network stays as it is.

        Parameters
        ----------
        x, y
            As in `fit`.
        batch_size : int, default 32
            Samples of a step.
        lowest, highest : float, default 1e-6 and 10
            The first and the last learning rate.
        steps : int, default 100
            How many rates are tried, at least 2.

        Returns
        -------
        RangeTest
            rates and losses, arrays (steps,), and suggestion: a tenth of the rate at which the smoothed loss was least.

        Raises
        ------
        RuntimeError
            Before `compile`.
        TypeError, ValueError
            For data or settings that do not fit, and for an optimizer without a learning rate.
        FloatingPointError
            Where not even two steps are finite.

        References
        ----------
        L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, section 3.3.

        Examples
        --------
        >>> import fastnn as fnn
        >>> (x, y), _ = fnn.datasets.digits()
        >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile("sgd")
        >>> found = net.find_learning_rate(x, y, steps=50)
        >>> 0.001 < found.suggestion < 10
        True
        """
        self.require_loss()
        batch, steps = checks.integer("batch_size", batch_size), checks.integer("steps", steps, least=2)
        lowest = checks.real("lowest", lowest, least=checks.SMALLEST)
        highest = checks.real("highest", highest, least=lowest)
        if not isinstance(self.optimizer, FirstOrder):
            raise ValueError(f"find_learning_rate: {type(self.optimizer).__name__} has no learning rate to find")
        examples = self.examples(x, y)
        twin = copy.copy(self)
        rates, losses = np.geomspace(lowest, highest, steps), []
        smoothed, lows = 0.0, []
        for step, rows in enumerate(_batches(self.seed, examples.size, batch, steps)):
            twin.optimizer.learning_rate = float(rates[step])
            try:
                losses.append(twin.train_on_batch(*examples.part(rows)))
            except FloatingPointError:
                break
            smoothed = 0.9 * smoothed + 0.1 * losses[-1]
            lows.append(smoothed / (1 - 0.9 ** (step + 1)))
            if lows[-1] > 4 * min(lows):
                break
        if len(losses) < 2:
            raise FloatingPointError(f"find_learning_rate: the loss is not finite from the rate {lowest:g} on")
        settled = min(10, len(lows) // 2)  # before, few losses are in the mean, and noise may make it the least
        best = settled + int(np.argmin(lows[settled:]))
        return RangeTest(rates[: len(losses)], np.array(losses), float(rates[best] / 10))


def _batches(seed: int, samples: int, batch: int, steps: int) -> list[np.ndarray]:
    """The rows of each step: shuffled samples, repeated as often as needed."""
    epochs = -(-steps * batch // samples)
    order = np.concatenate([generator(seed, Purpose.SHUFFLE, epoch).permutation(samples) for epoch in range(epochs)])
    return [order[step * batch : (step + 1) * batch] for step in range(steps)]
