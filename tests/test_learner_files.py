"""Q-learning that is saved and restored, and files that do not fit."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits
from fastnn.formats import safetensors_file
from test_learner import memory_of, network


def play(learn: fnn.rl.QLearning, steps: int) -> None:
    """Acts and learns in a small world that is a function of the memory alone."""
    s = np.ones(4, np.float32)
    for _ in range(steps):
        action = learn.act(s, epsilon=0.3)
        s2 = np.roll(s, action) * np.float32(0.9) + np.float32(0.1)
        learn.memory.add(s, action, float(s2[0]), s2, terminated=False, truncated=bool(s2[0] > 0.99))
        s = s2
        if len(learn.memory) >= 8:
            learn()


def agent(**settings: object) -> fnn.rl.QLearning:
    memory = fnn.rl.Replay(300, (4,), 3, n_step=3, seed=3, **settings)
    return fnn.rl.QLearning(network(), memory, 8, target=fnn.rl.Every(7))


def test_saved_and_restored(tmp_path: Path) -> None:
    """A run that is continued ends with the bits of one that never stopped."""
    for settings in ({}, {"priority": fnn.rl.Priority()}):
        whole, first, second = agent(**settings), agent(**settings), agent(**settings)
        play(whole, 120)
        play(first, 120)
        first.save(tmp_path / "run", state={"step": 120})
        assert second.restore(tmp_path / "run") == {"step": 120}
        play(whole, 120)
        play(second, 120)
        assert_same_bits(whole.net.parameters, second.net.parameters)
        assert_same_bits(whole.memory.arrays["reward"], second.memory.arrays["reward"])
        assert whole.act(np.zeros(4), 0.5) == second.act(np.zeros(4), 0.5)
    assert fnn.load(tmp_path / "run").output_shape == (3,)


def test_a_file_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    learn = agent()
    play(learn, 50)
    learn.save(tmp_path / "run")
    fnn.load(tmp_path / "run").save(tmp_path / "net")
    others = {
        "no QLearning": (agent(), "net"),
        "another QLearning: batch_size": (fnn.rl.QLearning(network(), agent().memory, 9), "run"),
        "other settings": (fnn.rl.QLearning(network(), memory_of(), 8, target=fnn.rl.Every(7)), "run"),
        "another network: compiled": (
            fnn.rl.QLearning(network(optimizer="sgd"), agent().memory, 8, target=fnn.rl.Every(7)),
            "run",
        ),
    }
    for message, (other, name) in others.items():
        before = other.net.parameters.copy()
        with pytest.raises(ValueError, match=message):
            other.restore(tmp_path / name)
        assert_same_bits(other.net.parameters, before)
        assert other.acted == 0
    with pytest.raises(TypeError, match="JSON"):
        learn.save(tmp_path / "run", state={1, 2})
    data = (tmp_path / "run").read_bytes()
    with pytest.raises(ValueError, match="truncated"):
        learn.restore(io.BytesIO(data[:-10]))


def saved(learn: fnn.rl.QLearning) -> bytes:
    file = io.BytesIO()
    learn.save(file)
    return file.getvalue()


def altered(data: bytes, change: Callable[[dict, dict], object]) -> io.BytesIO:
    """A file whose digest is right, with other contents."""
    description, tensors = safetensors_file.parse(data)
    change(description, tensors)
    return io.BytesIO(b"".join(safetensors_file.pieces(description, tensors)))


@pytest.mark.parametrize(
    "change",
    [
        lambda d, t: d.update(q_learning=[1]),
        lambda d, t: d["q_learning"].pop("memory"),
        lambda d, t: d["q_learning"].pop("acted"),
        lambda d, t: d["q_learning"].update(acted="x"),
        lambda d, t: d["q_learning"].pop("double"),
        lambda d, t: d["q_learning"].pop("state"),
        lambda d, t: d.update(compiled=None),
        lambda d, t: d["q_learning"]["memory"].update(drawn=None),
        lambda d, t: d["q_learning"]["memory"].pop("counts"),
        lambda d, t: d["q_learning"]["memory"]["counts"].update(filled=10**12),
        lambda d, t: d["q_learning"]["memory"]["counts"].update(ready=10**6),
        lambda d, t: t.pop("weights.dense_1.bias"),
        lambda d, t: t.pop("state.seed"),
        lambda d, t: t.pop("run.target.0"),
        lambda d, t: t.update({"run.target.0": np.zeros(3, np.float32)}),
        *(
            lambda d, t, name=f"run.memory.{name}", value=value: t.update({name: np.full_like(t[name], value)})
            for name, value in (
                ("next", 10**15),
                ("next", -1),
                ("head", 10**15),
                ("pending", 200),
                ("status", 7),
                ("status", 2),
                ("continues", 2),
                ("action", 3),
                ("action", -1),
                ("priorities", np.nan),
                ("priorities", 1),
            )
        ),
    ],
)
def test_an_altered_file_changes_nothing(change: Callable[[dict, dict], object]) -> None:
    """Also one with a digest: places in it that do not exist would be read."""
    learn = agent(priority=fnn.rl.Priority())
    play(learn, 50)
    file = saved(learn)
    play(learn, 9)
    before = safetensors_file.parse(saved(learn))
    with pytest.raises(ValueError):
        learn.restore(altered(file, change))
    after = safetensors_file.parse(saved(learn))
    assert before[0] == after[0]
    for name, array in before[1].items():
        assert_same_bits(after[1][name], array)


def test_layers_with_shapes_and_networks_are_restored() -> None:
    """Whose settings are tuples in memory and lists in files."""
    layers = [
        fnn.Reshape((2, 2, 1)),
        fnn.Conv2D(3, (2, 1)),
        fnn.Flatten(),
        fnn.Sequential([fnn.Dense(5)]),
        fnn.Dense(3),
    ]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", loss=None)
    learn = fnn.rl.QLearning(net, memory_of(), 8)
    file, losses = saved(learn), [learn() for _ in range(3)]
    learn.restore(io.BytesIO(file))
    assert [learn() for _ in range(3)] == losses


def test_a_learning_rate_that_was_set_is_restored() -> None:
    first, second = agent(), agent()
    first.net.optimizer.learning_rate = 1e-4
    second.restore(io.BytesIO(saved(first)))
    assert second.net.optimizer.learning_rate == 1e-4
