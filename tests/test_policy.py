"""Losses of policies against their twins, whose gradients are checked by differences, and training with them."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference_losses as twins
from check import assert_close, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.losses import GaussianPolicyGradient, PolicyGradient

SETTINGS: list[dict[str, Any]] = [
    {"clip": 0.2},
    {"clip": 0.05, "entropy": 0.3},
    {"clip": 0.2, "normalize": True},
    {"clip": None},
    {"clip": None, "entropy": 0.1, "normalize": True},
]
KINDS = ["PolicyGradient", "GaussianPolicyGradient"]
LOWEST = np.finfo(np.float32).min


def drawn(kind: str, rows: int, k: int, clip: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Outputs for k actions, or of k numbers, and targets: some ratios are far from 1, some advantages 0."""
    random, gaussian = generator(rows, k), kind == "GaussianPolicyGradient"
    x = normal(rows, 2 * k if gaussian else k) / 2
    action = normal(rows, k, start=1) if gaussian else random.integers(0, k, (rows, 1))
    advantage = np.where(np.arange(rows) % 5 == 3, 0, random.standard_normal(rows))[:, None]
    target = [action, advantage]
    if clip is not None:
        exact = {"clip": None}
        of_one = np.concatenate([action, np.ones((rows, 1))], 1)
        log_p = [-getattr(twins, kind)(x[i : i + 1], of_one[i : i + 1], **exact)[0] for i in range(rows)]
        target.append(np.array(log_p)[:, None] + random.normal(0, 0.3, (rows, 1)))
    return x, np.concatenate(target, 1).astype(np.float32)


def make(
    kind: str, x: np.ndarray, target: np.ndarray, capacity: int = 0, weight: np.ndarray | None = None, **options: Any
) -> tuple[Op, Tensor]:
    dx = empty(max(len(x), capacity), x.shape[1])
    between = [empty(*dx.shape)] if kind == "PolicyGradient" else []
    weights = None if weight is None else tensor(weight, capacity)
    return getattr(kernels, kind)(tensor(x, capacity), tensor(target, capacity), dx, *between, weights, **options), dx


@pytest.mark.parametrize("options", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_ops(isa: str, kind: str, options: dict[str, Any]) -> None:
    for k in (1, 2, 3, 7, 8, 9, 16, 17, 33):
        rows = 6 + k
        x, target = drawn(kind, rows, k, options["clip"])
        for weight in (None, (np.arange(rows) % 4).astype(np.float32)):
            op, dx = make(kind, x, target, rows + 2, weight, **options)
            run(op, dx, *op.tensors[-1:] if kind == "PolicyGradient" else (), rows=rows)
            loss, gradient = getattr(twins, kind)(x, target, weight, **options)
            assert_close(op.last, loss, max(1.0, abs(loss)))
            assert_close(written(dx, rows), gradient, np.abs(gradient).max() + 0.1, 1e-5)


@pytest.mark.parametrize("options", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_twins_by_differences(kind: str, options: dict[str, Any]) -> None:
    x, target = drawn(kind, 9, 4, options["clip"])
    x, h = x.astype(np.float64), 1e-6
    twin, found = getattr(twins, kind), np.empty(x.shape)
    for place in np.ndindex(x.shape):
        ends = []
        for step in (h, -h):
            moved = x.copy()
            moved[place] += step
            ends.append(twin(moved, target, **options)[0])
        found[place] = (ends[0] - ends[1]) / (2 * h)
    gradient = twin(x, target, **options)[1]
    assert np.abs(gradient).max() > 0.01
    assert np.linalg.norm(found - gradient) <= 1e-6 * np.linalg.norm(gradient)


@pytest.mark.parametrize("kind", KINDS)
def test_same_bits_on_threads(isa: str, kind: str) -> None:
    x, target = drawn(kind, 20_000, 4, None)
    weight = (np.arange(len(x)) % 3).astype(np.float32)
    options = {"clip": None, "entropy": 0.1, "normalize": True}
    for given in (None, weight):
        assert_same_on_threads(lambda given=given: make(kind, x, target, weight=given, **options))


def network(loss: Any, outputs: int = 3, seed: int = 0) -> fnn.Sequential:
    layers = [fnn.Dense(16, "tanh"), fnn.Dense(outputs)]
    return fnn.Sequential(layers, input_shape=(4,), seed=seed).compile(fnn.Adam(0.01), loss)


@pytest.mark.parametrize("options", SETTINGS)
@pytest.mark.parametrize("loss", [PolicyGradient, GaussianPolicyGradient])
def test_gradients_of_a_network(loss: Any, options: dict[str, Any]) -> None:
    x = normal(12, 4)
    target = drawn(loss.__name__, 12, 3, options["clip"])[1]
    net = network(loss(**options), 6 if loss is GaussianPolicyGradient else 3)
    fnn.check_gradients(net, x, target)


def test_actions_that_are_not_allowed() -> None:
    """Their logits are the lowest float32, or -inf: no probability, no gradient, and no NaN even if one was taken."""
    for low in (LOWEST, -np.inf):
        y = np.array([[0.3, low, -0.2], [low, low, 1.0], [low, 2.0, 0.1]], np.float32)
        for options in ({"entropy": 0.1}, {"entropy": 0.0}):
            for advantage in (1.0, -1.0):
                target = [[0, advantage, -0.5], [2, advantage, 0.0], [0, advantage, -1.0]]
                loss, dy = PolicyGradient(**options)(y, target)
                assert np.isfinite(loss) and np.isfinite(dy).all()
                assert not dy[y == low].any()
        loss, dy = PolicyGradient(clip=None, entropy=0.1)(y, [[0, 1], [2, 1], [1, 1]])
        assert np.isfinite(loss) and not dy[y == low].any() and np.isfinite(dy).all()


def test_clipping() -> None:
    """Beyond the clip the gradient is 0 where the objective no longer gains, and only there."""
    y, log_p = np.zeros((1, 2), np.float32), np.log(0.5)
    for ratio, advantage, moves in (
        (1.5, 1.0, False),
        (1.5, -1.0, True),
        (0.5, 1.0, True),
        (0.5, -1.0, False),
        (1.1, 1.0, True),
    ):
        loss, dy = PolicyGradient(clip=0.2)(y, [[0, advantage, log_p - np.log(ratio)]])
        assert dy.any() == moves
        assert loss == pytest.approx(-min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage), rel=1e-5)


@pytest.mark.parametrize(("value", "shown"), [(3, "3"), (-1, "-1"), (0.5, "0.5")])
def test_actions_are_checked_where_they_are_gathered(value: float, shown: str) -> None:
    net, x = network(PolicyGradient()), normal(8, 4)
    target = drawn("PolicyGradient", 8, 3, 0.2)[1]
    target[5, 0] = value
    before = net.parameters.copy()
    for call in (net.train_on_batch, net.evaluate):
        with pytest.raises(ValueError, match=rf"y\[5, 0\] is {shown}; expected an action, an integer from 0 to 2"):
            call(x, target)
    with pytest.raises(ValueError, match=rf"y\[5, 0\] is {shown}"):
        net.fit(x, target, batch_size=3, verbose=0, shuffle=False, rows=[5])
    assert np.array_equal(net.parameters, before)
    net.train_on_batch(x, target, rows=[0, 1, 2])
    target[5, 0] = np.nan
    with pytest.raises(ValueError, match=r"y\[5, 0\] is nan as float32"):
        net.train_on_batch(x, target)
    op, _ = make("PolicyGradient", normal(2, 3), np.array([[0, 1, 0], [value, 1, 0]], np.float32))
    with pytest.raises(ValueError, match=f"action {shown} is not an integer from 0 to 2"):
        op()


def test_what_does_not_fit() -> None:
    net, x = network(PolicyGradient()), normal(8, 4)
    with pytest.raises(ValueError, match=r"y: expected values \(batch, 3\), got \(8, 2\)"):
        net.train_on_batch(x, np.zeros((8, 2)))
    with pytest.raises(ValueError, match=r"y: expected values \(batch, 2\), got \(8, 3\)"):
        network(PolicyGradient(clip=None)).train_on_batch(x, np.zeros((8, 3)))
    with pytest.raises(ValueError, match="metrics: the targets of policy_gradient are not values of the outputs"):
        net.compile("adam", PolicyGradient(), ["accuracy"])
    with pytest.raises(ValueError, match=r"gaussian_policy_gradient: expected outputs \(batch, 2 k\), .*, got 3"):
        network(GaussianPolicyGradient())
    with pytest.raises(ValueError, match="class_weight: the targets of policy_gradient are not classes"):
        net.fit(x, np.zeros((8, 3)), class_weight={0: 2.0}, verbose=0)
    for options in ({"clip": 0}, {"clip": -1}, {"entropy": -0.1}, {"normalize": 1}, {"clip": "a"}):
        with pytest.raises((ValueError, TypeError), match="PolicyGradient: "):
            PolicyGradient(**options)  # type: ignore[arg-type]


def test_files_and_copies(tmp_path: Path) -> None:
    x, loss = normal(8, 4), PolicyGradient(clip=None, entropy=0.01, normalize=True)
    net, target = network(loss), drawn("PolicyGradient", 8, 3, None)[1]
    net.fit(x, target, epochs=2, verbose=0)
    net.save(tmp_path / "net.safetensors")
    for twin in (fnn.load(tmp_path / "net.safetensors"), copy.copy(net)):
        assert twin.loss == loss
        assert twin.train_on_batch(x, target) == copy.copy(net).train_on_batch(x, target)
    assert net.classify(x).shape == (8,)


def test_a_final_softmax_and_steps_of_sequences() -> None:
    """Probabilities give the loss of their logits; a recurrent policy has an action at each step."""
    x, target = normal(8, 4), drawn("PolicyGradient", 8, 3, 0.2)[1]
    logits = network(PolicyGradient(entropy=0.1))
    ends = [fnn.Dense(16, "tanh"), fnn.Dense(3, "softmax")]
    softmax = fnn.Sequential(ends, input_shape=(4,), seed=0).compile("adam", PolicyGradient(entropy=0.1))
    assert logits.evaluate(x, target) == softmax.evaluate(x, target)
    steps = fnn.Sequential([fnn.LSTM(3, return_sequences=True)], input_shape=(6, 2), seed=0)
    steps.compile("adam", PolicyGradient(entropy=0.1))
    x, lengths = normal(5, 6, 2), np.array([6, 1, 4, 2, 3])
    target = drawn("PolicyGradient", 30, 3, 0.2)[1].reshape(5, 6, 3)
    real = np.arange(6) < lengths[:, None]
    wanted = twins.PolicyGradient(steps.predict(x)[real], target[real], entropy=0.1)[0]
    target[~real] = 77  # no action, and never read
    assert steps.evaluate(x, target, lengths=lengths)["loss"] == pytest.approx(wanted, rel=1e-4)
    assert steps.train_on_batch(x, target, lengths=lengths) == pytest.approx(wanted, rel=1e-4)


def test_ppo_is_one_fit() -> None:
    """Policy and value in one network; the right action depends on the sign of x."""
    inputs = fnn.Input((1,))
    hidden = fnn.Dense(16, "tanh")(inputs)
    net = fnn.Network(inputs, [fnn.Dense(2, name="logits")(hidden), fnn.Dense(1, name="value")(hidden)], seed=0)
    net.compile(fnn.Adam(0.01), {"logits": PolicyGradient(entropy=0.01, normalize=True), "value": "huber"})
    random = generator(3)
    for _ in range(12):
        x = random.uniform(-1, 1, (256, 1)).astype(np.float32)
        found = net.predict(x)
        log_p = found["logits"] - np.logaddexp.reduce(found["logits"], axis=1, keepdims=True)
        action = (random.random(256) < np.exp(log_p[:, 1])).astype(int)
        reward = (action == (x[:, 0] > 0)).astype(np.float32)
        target = np.stack([action, reward - found["value"][:, 0], log_p[np.arange(256), action]], 1)
        net.fit(x, {"logits": target, "value": reward}, batch_size=64, epochs=4, verbose=0)
    x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    assert (net.predict(x)["logits"].argmax(1) == (x[:, 0] > 0)).mean() > 0.9


def test_torch() -> None:
    """PPO's loss as PyTorch's users write it."""
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    x, target = drawn("PolicyGradient", 20, 4, 0.2)
    y = torch.tensor(x, requires_grad=True)
    policy = torch.distributions.Categorical(logits=y)
    ratio = torch.exp(policy.log_prob(torch.tensor(target[:, 0])) - torch.tensor(target[:, 2]))
    advantage = torch.tensor(target[:, 1])
    kept = torch.minimum(ratio * advantage, torch.clamp(ratio, 0.8, 1.2) * advantage)
    wanted = -kept.mean() - 0.05 * policy.entropy().mean()
    wanted.backward()
    loss, dy = PolicyGradient(clip=0.2, entropy=0.05)(x, target)
    assert loss == pytest.approx(wanted.item(), rel=1e-4, abs=1e-6)
    np.testing.assert_allclose(dy, y.grad, rtol=1e-3, atol=1e-6)
