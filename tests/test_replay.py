"""The replay memory against one that keeps every step, and what it draws."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
import reference_rl as twins
from check import assert_same_bits, generator


def steps_of(memory: fnn.rl.Replay) -> list[tuple]:
    """What the memory can draw, by its arrays."""
    a = memory.arrays
    return [
        (a["observation"][i], a["action"][i], a["reward"][i], a["discount"][i], a["observation"][a["next"][i]])
        for i in np.flatnonzero(a["status"] == 2)
    ]


def as_key(step: tuple) -> tuple:
    s, action, reward, discount, s2 = step
    return (
        np.asarray(s).tobytes(),
        np.asarray(action, np.float32).tobytes(),
        round(float(reward), 4),
        round(float(discount), 4),
        np.asarray(s2).tobytes() if discount else b"",
    )


@pytest.mark.parametrize("n_step", [1, 2, 3, 5])
@pytest.mark.parametrize("environments", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("capacity", [40, 1000])
def test_against_every_step(n_step: int, environments: int, dtype: str, capacity: int) -> None:
    """Ends, time limits and jumps to another observation; also where new steps replace the oldest."""
    random = generator(n_step, environments, capacity)
    memory = fnn.rl.Replay(capacity, (3,), 5, dtype, n_step, 0.9, environments, seed=0)
    twin = [twins.Episodes(n_step, 0.9) for _ in range(environments)]
    s = (random.random((environments, 3)) * 250).astype(dtype)
    for _ in range(150):
        s2 = (random.random((environments, 3)) * 250).astype(dtype)
        action, reward = random.integers(0, 5, environments), random.standard_normal(environments).astype(np.float32)
        ended, cut = random.random(environments) < 0.1, random.random(environments) < 0.1
        if environments == 1:
            memory.add(s[0], int(action[0]), float(reward[0]), s2[0], bool(ended[0]), cut[0])
        else:
            memory.add(s, action, reward, s2, ended, cut)
        for e in range(environments):
            twin[e].add(s[e], action[e], reward[e], s2[e], ended[e], cut[e])
        jumps = ended | cut | (random.random(environments) < 0.05)
        s = np.where(jumps[:, None], (random.random((environments, 3)) * 250).astype(dtype), s2)
    wanted = [[as_key(step) for step in each.steps()] for each in twin]
    found = [as_key(step) for step in steps_of(memory)]
    assert len(found) == len(memory)
    if capacity == 1000:
        assert sorted(found) == sorted(key for each in wanted for key in each)
    else:  # each environment has its latest steps
        for each in wanted:
            kept = [key for key in each if key in found]
            assert kept
            assert kept == each[-len(kept) :]
        assert len(found) >= environments * (capacity // environments - n_step - 12)
        assert set(found) <= {key for each in wanted for key in each}


def filled(count: int = 50, **settings: object) -> fnn.rl.Replay:
    memory = fnn.rl.Replay(200, (2,), 3, seed=7, **settings)
    for i in range(count):
        memory.add([i, 0], i % 3, float(i), [i + 1, 0], terminated=i % 10 == 9)
    return memory


def test_draws_follow_from_the_seed() -> None:
    memory = filled(n_step=2)
    ready = memory.arrays["status"][:51] == 2
    for step in range(3):
        batch = memory.sample(20)
        slots = twins.Sample(ready, twins.uniform(64, 7, step, 1 << 30), 20)
        assert_same_bits(batch.reward, memory.arrays["reward"][slots])
        assert_same_bits(batch.observation, memory.arrays["observation"][slots])
        assert_same_bits(batch.next_observation, memory.arrays["observation"][memory.arrays["next"][slots]])
        assert batch.action.tolist() == memory.arrays["action"][slots].tolist()
        assert_same_bits(batch.weight, np.ones(20, np.float32))


def test_all_steps_alike() -> None:
    memory = filled(n_step=3)
    counts = np.bincount(np.concatenate([memory.sample(50).observation[:, 0].astype(int) for _ in range(400)]))
    expected = 20_000 / len(memory)
    assert len(counts) == 50
    assert ((counts - expected) ** 2 / expected).sum() < 49 + 5 * np.sqrt(98)


def test_priorities() -> None:
    """In proportion to (|error| + 1e-6)^alpha, and weighted against it."""
    memory = filled(10, priority=fnn.rl.Priority(alpha=0.5, beta=1.0))
    for _ in range(30):
        batch = memory.sample(10)
        memory.prioritize(1 + batch.observation[:, 0])
    batches = [memory.sample(10) for _ in range(2000)]
    counts = np.bincount(np.concatenate([batch.observation[:, 0].astype(int) for batch in batches]), minlength=10)
    shares = twins.Prioritize(1 + np.arange(10.0), 0, alpha=0.5)
    np.testing.assert_allclose(counts / 20_000, shares / shares.sum(), atol=0.01)
    rows = batches[0].observation[:, 0].astype(int)
    weights = 1 / shares[rows]
    np.testing.assert_allclose(batches[0].weight, weights / weights.max(), rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.6, 20.0, 200.0])
@pytest.mark.parametrize("beta", [0.4, 1e6])
@pytest.mark.parametrize("error", [0.0, 1e-20, 1e30, 3e38])
def test_priorities_of_any_size(alpha: float, beta: float, error: float) -> None:
    """None is infinite, and none so small that its step would be lost."""
    memory = filled(10, priority=fnn.rl.Priority(alpha, beta))
    memory.sample(10)
    memory.prioritize(np.full(10, error))
    batches = [memory.sample(10) for _ in range(50)]
    assert {int(x) for batch in batches for x in batch.observation[:, 0]} <= set(range(10))
    assert all(np.isfinite(batch.weight).all() and batch.weight.max() == 1 for batch in batches)
    leaves = memory.arrays["priorities"][256:]
    assert np.isfinite(memory.arrays["priorities"]).all()
    assert (leaves[:10] > 0).all()


def test_files_keep_every_bit(tmp_path: Path) -> None:
    for settings in ({}, {"priority": fnn.rl.Priority(), "n_step": 3}):
        memory = filled(**settings)
        memory.sample(5)
        memory.save(tmp_path / "memory")
        again = fnn.rl.Replay.load(tmp_path / "memory")
        for name, array in memory.arrays.items():
            assert_same_bits(again.arrays[name], array)
        for each in (memory, again):
            each.add([7, 7], 0, 1.0, [8, 8], False)
        for first, second in zip(memory.sample(9), again.sample(9), strict=True):
            assert_same_bits(first, second)


def test_files_that_are_none(tmp_path: Path) -> None:
    fnn.Sequential([fnn.Dense(1)], input_shape=(2,)).save(tmp_path / "net")
    with pytest.raises(ValueError, match="not the file of a memory"):
        fnn.rl.Replay.load(tmp_path / "net")
    file = io.BytesIO()
    filled().save(file)
    with pytest.raises(ValueError, match="truncated"):
        fnn.rl.Replay.load(io.BytesIO(file.getvalue()[:-9]))


def test_bad_settings() -> None:
    for settings, message in (
        ({"capacity": 3, "n_step": 2}, "capacity"),
        ({"actions": 0}, "actions"),
        ({"dtype": "str"}, "dtype"),
        ({"gamma": 1.5}, "gamma"),
        ({"environments": 0}, "environments"),
        ({"observation": (0,)}, "observation"),
        ({"priority": 0.5}, "priority"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            fnn.rl.Replay(**{"capacity": 10, "observation": (2,), "actions": 2, **settings})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"observation": [1.0]}, r"observation: expected shape \(2,\), got \(1,\)"),
        ({"next_observation": [[1.0, 2.0]]}, "next_observation: expected shape"),
        ({"observation": [np.nan, 0]}, "observation: expected finite numbers"),
        ({"reward": np.nan}, "reward: expected a finite number, got nan"),
        ({"reward": 1e300}, "reward: expected a finite number"),
        ({"reward": "much"}, "reward: expected a number"),
        ({"action": 3}, "action: expected an integer from 0 to 2, got 3"),
        ({"action": -1}, "action: expected an integer from 0 to 2, got -1"),
        ({"action": 1.5}, "action: expected an integer"),
        ({"terminated": 2}, "terminated: expected a bool"),
        ({"truncated": "no"}, "truncated: expected a bool"),
    ],
)
def test_a_bad_step_adds_nothing(wrong: dict, message: str) -> None:
    memory = filled(5)
    before = {name: array.copy() for name, array in memory.arrays.items()}
    good = {"observation": [0, 0], "action": 0, "reward": 0.0, "next_observation": [1, 1], "terminated": False}
    with pytest.raises((TypeError, ValueError), match=message):
        memory.add(**{**good, **wrong})
    for name, array in memory.arrays.items():
        assert_same_bits(array, before[name])
    assert len(memory) == 5


def test_a_bad_step_of_several_environments_adds_nothing() -> None:
    memory = fnn.rl.Replay(100, (2,), 3, "uint8", environments=2, seed=0)
    s = np.ones((2, 2), np.uint8)
    for wrong in (
        (s[0], [0, 0], [0, 0], s, [False, False]),
        (s, [0, 3], [0, 0], s, [False, False]),
        (s, [0, 0.5], [0, 0], s, [False, False]),
        (s, [0, 0], [0, np.inf], s, [False, False]),
        (s, [0, 0], [0, 0], 300 * s.astype(int), [False, False]),
        (s, [0, 0], [0, 0], s, [0.5, 1]),
        (s, [0, 0], [0, 0], s, [False] * 3),
    ):
        with pytest.raises((TypeError, ValueError)):
            memory.add(*wrong)
    assert not memory.arrays["status"].any()


def test_actions_of_numbers() -> None:
    memory = fnn.rl.Replay(50, (1,), (2,), seed=0)
    memory.add([0], [0.5, -0.5], 1.0, [1], True)
    assert memory.sample(1).action.tolist() == [[0.5, -0.5]]


def test_too_few_steps() -> None:
    with pytest.raises(ValueError, match="has 0 steps that can be drawn, fewer than the batch of 4"):
        fnn.rl.Replay(50, (1,), 2, seed=0).sample(4)
    with pytest.raises(RuntimeError, match="prioritize"):
        filled().prioritize([1.0])
    memory = filled(9, priority=fnn.rl.Priority())
    with pytest.raises(ValueError, match="has 9 steps"):
        memory.sample(50)
    with pytest.raises(RuntimeError, match="prioritize"):  # nothing was drawn
        memory.prioritize(np.ones(50))
    memory.sample(2)
    for wrong in ([1, np.nan], [1, 1e39], [1], ["a", "b"], [1j, 2]):
        with pytest.raises((TypeError, ValueError), match="errors: expected"):
            memory.prioritize(wrong)


def test_a_thread_may_add_while_another_saves() -> None:
    """What a file holds is of one moment."""
    memory = fnn.rl.Replay(100_000, (40,), 3, seed=0)
    stop = threading.Event()

    def add() -> None:
        while not stop.is_set():
            memory.add(np.ones(40), 0, 1.0, np.ones(40), terminated=True)

    thread = threading.Thread(target=add)
    thread.start()
    try:
        for _ in range(5):
            file = io.BytesIO()
            memory.save(file)
            fnn.rl.Replay.load(io.BytesIO(file.getvalue()))
    finally:
        stop.set()
        thread.join()


def test_a_thread_may_add_while_another_draws() -> None:
    memory = filled(100, n_step=3)
    stop = threading.Event()

    def add() -> None:
        i = 0
        while not stop.is_set():
            memory.add([i, i], 0, float(i), [i + 1, i + 1], terminated=False)
            i += 1

    thread = threading.Thread(target=add)
    thread.start()
    try:
        for _ in range(2000):
            batch = memory.sample(8)
            late = batch.observation[:, 0] == batch.observation[:, 1]
            assert (batch.next_observation[late] == batch.observation[late] + 3).all()  # never half a step
    finally:
        stop.set()
        thread.join()
