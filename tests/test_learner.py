"""Q-learning: steps against the same in a custom loop, threads, and what does not fit."""

import threading
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator, normal, python


def network(seed: int = 0, optimizer: object = None) -> fnn.Sequential:
    layers = [fnn.Dense(16, "relu"), fnn.Dense(3)]
    return fnn.Sequential(layers, input_shape=(4,), seed=seed).compile(optimizer or fnn.Adam(0.01), "mse")


def memory_of(steps: int = 100, **settings: object) -> fnn.rl.Replay:
    memory = fnn.rl.Replay(500, (4,), 3, gamma=0.9, seed=3, **settings)
    random = generator(steps)
    s = random.standard_normal((steps + 1, 4)).astype(np.float32)
    for i in range(steps):
        memory.add(s[i], i % 3, float(random.standard_normal()), s[i + 1], i % 20 == 19, i % 33 == 32)
    return memory


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("target", [fnn.rl.Polyak(0.25), fnn.rl.Every(2)])
@pytest.mark.parametrize("prioritized", [True, False])
def test_steps_in_a_custom_loop(double: bool, target: object, prioritized: bool) -> None:
    """The same with the verbs of a custom training loop, on the same samples."""
    settings = {"n_step": 2, **({"priority": fnn.rl.Priority(0.5, 0.5)} if prioritized else {})}
    net, memory, twin_net, twin = network(), memory_of(**settings), network(), memory_of(**settings)
    follower = network()
    learn = fnn.rl.QLearning(net, memory, 32, double=double, target=target)
    for update in range(5):
        batch, index = twin.sample(32), np.arange(32)
        values = follower.predict(batch.next_observation)
        best = (twin_net if double else follower).predict(batch.next_observation).argmax(axis=1)
        wanted = batch.reward + batch.discount * values[index, best]
        q = twin_net.forward(batch.observation, training=True)
        chosen = q[index, batch.action]
        loss, slope = fnn.losses.huber(chosen[:, None], wanted[:, None], batch.weight)
        dq = np.zeros_like(q)
        dq[index, batch.action] = slope[:, 0]
        twin_net.backward(dq)
        twin_net.step()
        twin_net.zero_grad()
        if isinstance(target, fnn.rl.Polyak):
            follower.follow(twin_net, target.tau)
        elif update % 2:
            follower.copy_weights(twin_net)
        if prioritized:
            twin.prioritize(chosen - wanted)
        assert learn() == pytest.approx(loss, rel=1e-5)
        for name, view in net.weights.items():
            np.testing.assert_allclose(view, twin_net.weights[name], rtol=1e-4, atol=2e-5)


def test_many_steps_are_single_ones() -> None:
    first, second = (fnn.rl.QLearning(network(), memory_of(), 16) for _ in range(2))
    losses = [first() for _ in range(20)]
    assert second(20) == pytest.approx(np.mean(losses), rel=1e-6)
    assert_same_bits(first.net.parameters, second.net.parameters)


def test_same_bits_on_threads() -> None:
    found = set()
    for threads in (1, 2):
        layers = [fnn.Dense(256, "relu"), fnn.Dense(3)]
        net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", "mse")
        with fnn.threads(threads):
            learn = fnn.rl.QLearning(net, memory_of(400, n_step=3), 350)
            learn(30)
            found.add(learn.net.parameters.tobytes())
    assert len(found) == 1


def test_acting() -> None:
    learn = fnn.rl.QLearning(network(), memory_of(), 8)
    x = normal(2000, 4)
    greedy = learn.net.predict(x).argmax(axis=1)
    assert learn.act(x).tolist() == greedy.tolist()
    assert [learn.act(row) for row in x[:5]] == greedy[:5].tolist()
    assert type(learn.act(x[0])) is int
    assert type(learn.act([1, 2, 3, 4])) is int
    changed = (learn.act(x, epsilon=0.3) != greedy).mean()
    assert changed == pytest.approx(0.3 * 2 / 3, abs=0.04)
    learn(50)
    assert learn.act(x).tolist() == learn.net.predict(x).argmax(axis=1).tolist()  # the present weights


def test_acting_on_more_observations_meanwhile() -> None:
    """It takes a larger plan; the call that is under way keeps its own."""

    class Nested(fnn.PythonLayer):
        def forward(self, x: np.ndarray) -> np.ndarray:
            if np.array_equal(x, [[0, 1, 0, 0]]):
                inner.append(learn.act(np.tile(np.float32([1, 0, 0, 0]), (50, 1))))
            return x

        def backward(self, dy: np.ndarray) -> np.ndarray:
            return dy

    inner: list = []
    net = fnn.Sequential([Nested(), fnn.Dense(3)], input_shape=(4,), seed=0).compile("sgd", loss=None)
    net.weights["dense_0.weight"][...] = np.eye(4, 3)
    learn = fnn.rl.QLearning(net, memory_of(), 8)
    assert learn.act([0, 1, 0, 0]) == 1
    assert inner[0].tolist() == [0] * 50


def test_pictures_of_bytes_and_statistics() -> None:
    """A convolution with BatchNorm, whose statistics the copy takes over too."""
    layers = [
        fnn.Rescale(1 / 255),
        fnn.Conv2D(4, 3),
        fnn.BatchNorm(),
        fnn.Activation("relu"),
        fnn.Flatten(),
        fnn.Dense(2),
    ]
    net = fnn.Sequential(layers, input_shape=(6, 6, 1), seed=0).compile(fnn.Adam(1e-3), "mse")
    memory = fnn.rl.Replay(100, (6, 6, 1), 2, "uint8", gamma=0.0, seed=0)
    images = generator(0).integers(0, 256, (51, 6, 6, 1)).astype(np.uint8)
    for i in range(50):
        memory.add(images[i], i % 2, float(i % 2), images[i + 1], i % 10 == 9)
    learn = fnn.rl.QLearning(net, memory, 16, target=fnn.rl.Polyak(1.0))
    losses = [learn(20) for _ in range(10)]
    assert losses[-1] < losses[0] / 4
    for flat, copy in learn.copy.copies.items():
        assert_same_bits(flat.array, copy.array)
    assert memory.sample(3).observation.dtype == np.uint8


def test_compiled_and_built_again() -> None:
    learn = fnn.rl.QLearning(network(), memory_of(), 8)
    learn()
    learn.net.compile("sgd", "mse")
    before = learn.net.parameters.copy()
    learn()
    assert np.abs(learn.net.parameters - before).max() > 0


def test_frozen_layers_stay() -> None:
    net = network()
    net.layers[0].trainable = False
    net.compile(fnn.Adam(0.01), "mse")
    before = {name: view.copy() for name, view in net.weights.items()}
    fnn.rl.QLearning(net, memory_of(), 8)(10)
    assert_same_bits(net.weights["dense_0.weight"], before["dense_0.weight"])
    assert (net.weights["dense_1.weight"] != before["dense_1.weight"]).any()


def test_what_does_not_fit() -> None:
    net, memory = network(), memory_of()
    wide = fnn.Sequential([fnn.Dense(4)], input_shape=(4,)).compile("sgd", "mse")
    recurrent = fnn.Sequential([fnn.LSTM(3)], input_shape=(4, 1)).compile("sgd", "mse")
    for arguments, error, message in (
        (("net", memory), TypeError, "net: expected a network"),
        ((net, "memory"), TypeError, "memory: expected a Replay"),
        ((fnn.Sequential([fnn.Dense(3)], input_shape=(4,)), memory), RuntimeError, "not compiled"),
        ((fnn.Sequential([fnn.Dense(3)]).compile("sgd", "mse"), memory), RuntimeError, "not built"),
        ((wide, memory), ValueError, r"3 actions: expected a network \(batch, 4\) -> \(batch, 3\)"),
        ((recurrent, fnn.rl.Replay(50, (4, 1), 3)), ValueError, "without recurrent layers"),
        ((net, fnn.rl.Replay(50, (4,), (2,))), ValueError, "arrays of numbers"),
        ((net, memory, 0), ValueError, "batch_size"),
        ((net, memory, 501), ValueError, "batch_size"),
        ((net, memory, 8, "yes"), TypeError, "double"),
        ((net, memory, 8, True, 0.5), TypeError, r"target: expected Polyak\(tau\) or Every\(updates\)"),
        ((net, memory, 8, True, fnn.rl.Every(3), "cross_entropy"), ValueError, "loss: expected one of values"),
    ):
        with pytest.raises(error, match=message):
            fnn.rl.QLearning(*arguments)
    for settings in ({"tau": 0}, {"tau": 2}, {"tau": "a"}):
        with pytest.raises((TypeError, ValueError), match="tau"):
            fnn.rl.Polyak(**settings)
    with pytest.raises(RuntimeError, match="LBFGS"):
        fnn.rl.QLearning(network(optimizer="lbfgs"), memory)


def test_bad_calls_change_nothing() -> None:
    learn = fnn.rl.QLearning(network(), fnn.rl.Replay(50, (4,), 3, seed=0), 8)
    before = learn.net.parameters.copy()
    with pytest.raises(ValueError, match="has 0 steps that can be drawn, fewer than the batch of 8"):
        learn()
    with pytest.raises(ValueError, match="steps must be at least 1"):
        learn(0)
    for wrong in (np.zeros(3), np.zeros((2, 3)), np.zeros((0, 4))):
        with pytest.raises(ValueError, match=r"observation: expected \(4,\)"):
            learn.act(wrong)
    with pytest.raises(ValueError, match="nan"):
        learn.act([0, 0, np.nan, 0])
    with pytest.raises(ValueError, match="epsilon must be a number >= 0 and <= 1"):
        learn.act(np.zeros(4), 1.5)
    with pytest.raises(TypeError, match="epsilon must be a number"):
        learn.act(np.zeros(4), "often")
    with pytest.raises(TypeError, match="observation"):
        learn.act("left")
    assert_same_bits(learn.net.parameters, before)
    assert learn.net.counters.values() == (0, 0, 0)


def test_divergence_leaves_the_last_good_step() -> None:
    memory = fnn.rl.Replay(50, (4,), 3, seed=0)
    for _ in range(10):
        memory.add(np.ones(4), 0, 3e38, np.ones(4), True)
    learn = fnn.rl.QLearning(network(), memory, 8, loss="mse")
    before = learn.net.parameters.copy()
    with pytest.raises(FloatingPointError, match="the loss became"):
        learn()
    assert_same_bits(learn.net.parameters, before)
    assert learn.net.counters.update == 0


def test_a_thread_may_act_and_add_while_another_learns() -> None:
    learn = fnn.rl.QLearning(network(), memory_of(), 32)
    thread = threading.Thread(target=lambda: learn(3000))
    thread.start()
    steps = 0
    while thread.is_alive():
        action = learn.act(np.ones(4, np.float32), epsilon=0.1)
        learn.memory.add(np.ones(4), action, 1.0, np.ones(4), steps % 5 == 0)
        steps += 1
    thread.join()
    assert steps > 10
    assert learn.net.counters.update == 3000
    assert np.isfinite(learn.net.parameters).all()


def test_in_a_forked_child() -> None:
    """Also while a thread of the parent adds: its lock is not in the child."""
    script = """
import os, threading, sys
sys.path.insert(0, %r)
from test_learner import fnn, memory_of, network, np
learn = fnn.rl.QLearning(network(), memory_of(), 8)
learn()
stop = threading.Event()
def add():
    while not stop.is_set():
        learn.memory.add(np.ones(4), 0, 1.0, np.ones(4), True)
thread = threading.Thread(target=add)
thread.start()
for _ in range(20):
    child = os.fork()
    if not child:
        learn.memory.add(np.ones(4), 0, 1.0, np.ones(4), True)
        learn(5)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
thread.join()
print("fine")
"""
    assert python(script % str(Path(__file__).parent)).stdout == "fine\n"
