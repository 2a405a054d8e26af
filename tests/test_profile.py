"""Profiles: what they say, that it is the truth, and that nothing is left changed."""

import contextlib
import time

import numpy as np
import pytest

import fastnn as fnn
from check import Copy, normal, python, tensor
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import SGD, ElementwiseLoss, Gather, Steps
from fastnn.kernels.gather import CHECKS


class Training:
    """A step of gradient descent on the mean square of x - parameters."""

    def __init__(self) -> None:
        self.parameters, gradients = tensor(normal(8, 3)), Tensor((8, 3))
        self.loss = ElementwiseLoss(self.parameters, Tensor((8, 3)), gradients, loss="mse")
        self.plan = Plan([self.loss, SGD(self.parameters, gradients)], kept=[self.parameters])


def test_profile_puts_back_what_is_kept() -> None:
    training = Training()
    profile = training.plan.profile(repeats=3)
    assert (training.parameters.array == normal(8, 3)).all()
    assert profile.rows == 8 and [op.op for op in profile.ops] == [repr(op) for op in training.plan.ops]
    assert all(op.seconds > 0 and op.flops > 0 and op.gigaflops > 0 for op in profile.ops)
    assert profile.seconds == sum(op.seconds for op in profile.ops)
    assert [op.nbytes for op in profile.ops] == [3 * 96, 2 * 96] and all(op.gigabytes > 0 for op in profile.ops)
    lines = str(profile).split("\n")
    assert len(lines) == 4 and "8 rows" in lines[0] and "SGD" in lines[2] and lines[3].endswith("GFLOP/s")
    assert profile.peak > 1 and f"{profile.ops[0].gigaflops / profile.peak:.1%}" in lines[1]


def test_profile_leaves_meters_alone() -> None:
    training = Training()
    training.loss()
    before = training.loss.last, training.loss.total, training.loss.count
    training.plan.profile(repeats=3)
    assert (training.loss.last, training.loss.total, training.loss.count) == before


def test_profile_lends_arrays_and_takes_them_back() -> None:
    copy = Copy()
    copy.plan.profile(repeats=2)
    assert copy.x.array is None and copy.y.array is None and copy.x.rows == 0
    x, y = copy.attach(10)
    copy.plan.profile(repeats=2)
    assert copy.x.array is x and copy.y.array is y


def test_profile_does_not_read_beyond_a_short_array() -> None:
    """Arrays of fewer rows than the capacity are refused or left aside: the profile is of full batches."""
    copy = Copy()
    whole = np.full((4, 3), 7, np.float32)
    copy.x.attach(normal(2, 3))
    copy.y.attach(whole[:2])
    with contextlib.suppress(ValueError):
        copy.plan.profile(repeats=1)
    assert (whole[2:] == 7).all()


def test_profile_of_probability_targets() -> None:
    """The arrays that it lends pass every check."""
    for check in CHECKS:
        port, y = Port("targets", 3), Tensor((4, 3))
        profile = Plan([Gather(port, y, check=check)], [port]).profile(repeats=1)
        assert len(profile.ops) == 1 and port.array is None


def test_profile_lends_outputs_of_their_type() -> None:
    """Classes go out as int64. In a process of its own, for a float32 array is too short for them."""
    result = python("""
from fastnn.kernels import Classes, Scatter
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
for rows in (500, 5000, 50_000):
    x, y, port = Tensor((rows, 3)), Tensor((rows,), "int32"), Port("classes", 1)
    Plan([Classes(x, y), Scatter(y, port)], [port]).profile(repeats=2)
""")
    assert result.returncode == 0, (result.returncode, result.stderr)


def wide(*layers: fnn.Layer) -> list[fnn.Layer]:
    return [fnn.Flatten(), *layers, fnn.Dense(10, "softmax")]


LAYERS: dict[str, list[fnn.Layer]] = {
    "dense": wide(fnn.Dense(256, "relu"), fnn.Dense(128, "tanh")),
    "dropout": wide(fnn.Dense(256, "relu"), fnn.Dropout(0.5), fnn.Dense(128, "leaky_relu"), fnn.Dropout(0.2)),
    "convolution": [fnn.Conv2D(16, 3, activation="relu"), fnn.BatchNorm(), fnn.MaxPool2D(2), *wide()],
    "in place": [fnn.BatchNorm(), fnn.Activation("leaky_relu"), fnn.BatchNorm(), fnn.Activation("elu"), *wide()],
    "lstm": [fnn.Reshape((16, 16)), fnn.LSTM(32), fnn.Dense(10, "softmax")],
}


def seconds(plan: Plan, runs: int = 20) -> float:
    """The fastest of some steps by the clock, on random data."""
    rows, best, generator = plan.capacity, np.inf, np.random.default_rng(1)
    for port in plan.ports:
        port.attach(port.trial_array(generator, rows))
    held = [tensor.array.copy() for tensor in plan.kept]
    for _ in range(runs):
        start = time.perf_counter()
        plan.run(rows, rows, rates=np.zeros(1), pause=0)
        best = min(best, time.perf_counter() - start)
    for each, values in zip(plan.kept, held, strict=True):
        each.array[...] = values
    for port in plan.ports:
        port.detach()
    return best


def differences(plan: Plan, tries: int = 60) -> tuple[float, float]:
    """How far the sum over the ops, and the step, are from a step by the clock: the best of some tries.

    They end with the first good one; pauses let a busy machine calm down.
    """
    found = []
    for _ in range(tries):
        profile = plan.profile(20)
        clock = seconds(plan)
        found.append((abs(profile.seconds / clock - 1), abs(profile.step / clock - 1)))
        if max(found[-1]) < 0.1:
            break
        time.sleep(0.05)
    return min(found, key=max)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_the_ops_add_up_to_a_step(name: str, training: bool) -> None:
    net = fnn.Sequential(LAYERS[name], input_shape=(16, 16, 1), seed=0).compile()
    assert max(differences(net.plan(32, training=training))) < 0.1


class Decay(fnn.PythonLayer):
    """Notes what comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[np.ndarray] = []

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.seen.append(x.copy())
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        self.seen.append(dy.copy())
        return dy


def test_every_step_does_the_same_work() -> None:
    """However many there are: numbers that shrink from step to step would end as subnormal ones, which are slow."""
    layer = Decay()
    layers = [fnn.Dense(8), layer, fnn.Dense(3, "softmax")]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile(fnn.AdamW(0.1, weight_decay=0.5))
    net.plan(16, training=True).profile(30)
    forward, backward = layer.seen[::2], layer.seen[1::2]
    assert len(forward) >= 30 and all((x == forward[0]).all() for x in forward) and np.std(forward[0]) > 0.1
    assert all((dy == backward[0]).all() for dy in backward) and np.unique(backward[0]).size > 8


PORTS = {"unchecked": 5, "finite": 5, "unit": 5, "distribution": 6, "nonnegative": 5, "signed": 5}


@pytest.mark.parametrize("check", PORTS)
def test_random_numbers_of_every_kind(check: str) -> None:
    """They pass the checks, and no two are the same."""
    port, y = Port("x", 6), Tensor((50, 6))
    plan = Plan([Gather(port, y, check=check, width=3 if check == "distribution" else None)], [port])
    plan.profile(1)
    assert np.unique(y.array).size > 200 if check != "signed" else set(y.array.flat) == {-1, 1}


def test_random_ids_and_full_sequences() -> None:
    net = fnn.Sequential([fnn.Embedding(5000, 4), fnn.GRU(3), fnn.Dense(7)], input_shape=(6,), seed=0).compile()
    plan = net.plan(64, training=True)
    plan.profile(1)
    ids, labels = (port.trial_array(np.random.default_rng(0), 64) for port in plan.ports)
    assert np.unique(ids).size > 300 and ids.min() >= 0 and ids.max() < 5000 and set(labels.flat) == set(range(7))
    lengths = Port("lengths", 1)
    Steps(lengths, Tensor((64, 1), "int32"), times=6)
    assert (lengths.trial_array(np.random.default_rng(0), 64) == 6).all()


def test_frozen_networks() -> None:
    """A Predictor and a Stream too; nothing of them changes."""
    net = fnn.Sequential([fnn.GRU(24, return_sequences=True), fnn.Dense(5)], input_shape=(7, 4), seed=0)
    x = normal(3, 7, 4)
    f, stream, twin = net.freeze(200), net.freeze(3, streaming=True), net.freeze(3, streaming=True)
    before = f(x)
    for t in range(7):
        assert (stream.step(x[:, t]) == twin.step(x[:, t])).all()
        profile = stream.profile(3)
        assert profile.rows == 3 and profile.step > 0 and "GRU" in str(profile)
    profile = f.profile(repeats=3)
    assert profile.rows == 128 and profile.seconds > 0 and "Dense" in str(profile) and (f(x) == before).all()
    for each in (f, stream):
        with pytest.raises(ValueError, match="repeats"):
            each.profile(0)
    net.weights["dense_0.bias"][...] += 1
    f.refresh()
    assert f.profile(1).rows == 128
