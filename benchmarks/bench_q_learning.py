"""A step of Q-learning in one native call, and the choice of an action."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn


def learner(units: int, rows: int) -> fnn.rl.QLearning:
    layers = [fnn.Dense(units, "relu"), fnn.Dense(units, "relu"), fnn.Dense(2)]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile(fnn.Adam(1e-3), "mse")
    memory = fnn.rl.Replay(50_000, (4,), 2, n_step=3, seed=0)
    s = np.random.default_rng(0).standard_normal((2001, 4)).astype(np.float32)
    for i in range(2000):
        memory.add(s[i], i % 2, 1.0, s[i + 1], terminated=i % 100 == 99)
    return fnn.rl.QLearning(net, memory, rows, target=fnn.rl.Polyak(0.01))


@pytest.mark.parametrize(("units", "rows"), [(32, 32), (64, 64), (128, 128)])
def test_learn(benchmark: Any, units: int, rows: int) -> None:
    benchmark(learner(units, rows))


def test_act(benchmark: Any) -> None:
    learn, s = learner(64, 64), np.zeros(4, np.float32)
    benchmark(lambda: learn.act(s, 0.1))
