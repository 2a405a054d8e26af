"""The float64 NumPy twins of the Ops of reinforcement learning, as in reference.py, and a memory that keeps all."""

import numpy as np
from numpy.typing import ArrayLike

from reference import Array, double, random_words


def uniform(count: int, seed: int, step: int, stream: int = 0) -> Array:
    """Numbers in [0, 1) of 48 bits, from two random words each."""
    parts = (random_words(2 * count, seed, stream, step) >> 8).reshape(count, 2) / 2**24
    return parts[:, 0] + parts[:, 1] / 2**24


def Sample(ready: Array, numbers: ArrayLike, rows: int) -> list[int]:
    """The slots that are drawn. ready: whether each slot of all that were written can be."""
    wanted = (int(number * len(ready)) for number in np.ravel(numbers))
    return [slot for slot in wanted if ready[slot]][:rows]


def Prioritize(x: ArrayLike, target: ArrayLike, *, alpha: float) -> Array:
    return np.clip((np.abs(double(x) - double(target)) + 1e-6) ** alpha, 1e-100, 1e100)


def TDTarget(q: ArrayLike, choice: ArrayLike | None, reward: ArrayLike, discount: ArrayLike) -> Array:
    best = np.argmax(double(q if choice is None else choice), axis=1, keepdims=True)
    return double(reward) + double(discount) * np.take_along_axis(double(q), best, axis=1)


def CopyEvery(x: ArrayLike, y: ArrayLike, *, every: int, update: int) -> Array:
    return double(x if (update + 1) % every == 0 else y)


def Explore(action: ArrayLike, *, epsilon: float, actions: int, seed: int, step: int) -> Array:
    numbers = (random_words(2 * np.size(action), seed, 0, step) >> 8).reshape(-1, 2) / 2**24
    return np.where(numbers[:, 0] < np.float32(epsilon), (numbers[:, 1] * actions).astype(int), np.ravel(action))


class Episodes:
    """Every step of an environment, and what n steps of them are worth, by definition."""

    def __init__(self, n_step: int, gamma: float) -> None:
        self.n_step, self.gamma = n_step, gamma
        self.episodes: list[list[tuple]] = [[]]
        self.ended = True

    def add(self, s: Array, action: object, reward: float, s2: Array, terminated: bool, truncated: bool) -> None:
        if self.ended or not np.array_equal(self.episodes[-1][-1][3], s):
            self.episodes.append([])
        self.episodes[-1].append((s, action, reward, s2, terminated))
        self.ended = terminated or truncated

    def steps(self) -> list[tuple]:
        """(s, action, return, discount, s2) of each that is known, the oldest first."""
        found = []
        for i, episode in enumerate(self.episodes):
            over = self.ended or i < len(self.episodes) - 1
            for t in range(len(episode)):
                part = episode[t : t + self.n_step]
                if len(part) < self.n_step and not over:
                    continue
                total = sum(self.gamma**k * step[2] for k, step in enumerate(part))
                discount = 0.0 if part[-1][4] else self.gamma ** len(part)
                found.append((episode[t][0], episode[t][1], total, discount, part[-1][3]))
        return found
