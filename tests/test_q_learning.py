"""The Ops of Q-learning against their twins."""

import numpy as np

import reference_rl as twins
from check import assert_close, assert_same_bits, empty, generator, normal, run, tensor, written
from fastnn.engine.plan import Plan
from fastnn.kernels import CopyEvery, Explore, TDTarget


def test_td_target(isa: str) -> None:
    for actions in (1, 2, 5, 18):
        q, choice = normal(9, actions), normal(9, actions, start=1)
        reward, discount = normal(9, 1), normal(9, 1, start=2)
        for chosen in (None, choice):
            y = empty(11, 1)
            given = [None if each is None else tensor(each, 11) for each in (q, chosen, reward, discount)]
            run(TDTarget(*given, y), y, rows=9)
            assert_close(written(y, 9), twins.TDTarget(q, chosen, reward, discount), 10)


def test_copy_every(isa: str) -> None:
    x, y = normal(1, 70), normal(1, 70, start=1)
    for update in range(6):
        to = tensor(y)
        Plan([CopyEvery(tensor(x), to, every=3)]).run(1, 1, update=update)
        assert_same_bits(to.array, twins.CopyEvery(x, y, every=3, update=update).astype(np.float32))


def test_explore(isa: str) -> None:
    for rows in (1, 31, 32, 33, 200):
        action = generator(rows).integers(0, 4, rows)
        for epsilon in (0.0, 0.3, 1.0):
            y = tensor(action[:, None], dtype="int32")
            op = Explore(y, actions=4, seed=5)
            op.epsilon = epsilon
            Plan([op]).run(rows, rows, step=9)
            expected = twins.Explore(action, epsilon=epsilon, actions=4, seed=5, step=9)
            assert y.array[:, 0].tolist() == expected.tolist()
