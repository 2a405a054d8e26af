"""Parity with PyTorch: activations, gradients; and 100 steps of each optimizer with the same weights and data."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.schedules import Cosine, Exponential, InverseSqrt, OneCycle, Polynomial, Schedule, Step, WarmUp
from networks import blobs

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch")

STEPS, BATCH = 100, 16
SETTINGS: dict[str, tuple[fnn.Optimizer, Callable[[Any], Any]]] = {
    "SGD": (fnn.SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (fnn.SGD(0.03, momentum=0.9), lambda p: torch.optim.SGD(p, 0.03, momentum=0.9)),
    "Nesterov": (
        fnn.SGD(0.03, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.03, momentum=0.9, nesterov=True),
    ),
    "Adam": (fnn.Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "Adam settings": (
        fnn.Adam(0.01, beta1=0.8, beta2=0.99, epsilon=1e-3),
        lambda p: torch.optim.Adam(p, 0.01, betas=(0.8, 0.99), eps=1e-3),
    ),
    "AdamW": (fnn.AdamW(0.01, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)),
    "SGD decay": (
        fnn.SGD(0.03, momentum=0.9, weight_decay=0.01),
        lambda p: torch.optim.SGD(p, 0.03, momentum=0.9, weight_decay=0.01),
    ),
    "Adam decay": (fnn.Adam(0.01, weight_decay=0.1), lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1)),
    "RMSprop": (fnn.RMSprop(0.003), lambda p: torch.optim.RMSprop(p, 0.003)),
    "RMSprop settings": (
        fnn.RMSprop(0.003, rho=0.9, epsilon=1e-2, momentum=0.5, centered=True, weight_decay=0.01),
        lambda p: torch.optim.RMSprop(p, 0.003, 0.9, 1e-2, momentum=0.5, centered=True, weight_decay=0.01),
    ),
    "Adagrad": (fnn.Adagrad(0.1), lambda p: torch.optim.Adagrad(p, 0.1)),
    "Adagrad decay": (
        fnn.Adagrad(0.1, weight_decay=0.01),
        lambda p: torch.optim.Adagrad(p, 0.1, weight_decay=0.01),
    ),
    "Adadelta": (fnn.Adadelta(), lambda p: torch.optim.Adadelta(p)),
    "Adadelta settings": (
        fnn.Adadelta(0.5, rho=0.8, epsilon=1e-4, weight_decay=0.01),
        lambda p: torch.optim.Adadelta(p, 0.5, 0.8, 1e-4, 0.01),
    ),
    "Nadam": (fnn.Nadam(0.005), lambda p: torch.optim.NAdam(p, 0.005)),
    "Nadam settings": (
        fnn.Nadam(0.005, beta1=0.8, momentum_decay=0.05, weight_decay=0.01),
        lambda p: torch.optim.NAdam(p, 0.005, (0.8, 0.999), momentum_decay=0.05, weight_decay=0.01),
    ),
    "Rprop": (fnn.Rprop(1e-4, largest=1e-3), lambda p: torch.optim.Rprop(p, 1e-4, step_sizes=(1e-6, 1e-3))),
}
LOSSES: dict[str, tuple[int, str, Callable[[Any, Any], Any]]] = {
    "cross_entropy": (3, "softmax", torch.nn.functional.cross_entropy),
    "binary_cross_entropy": (1, "sigmoid", torch.nn.functional.binary_cross_entropy_with_logits),
    "mse": (1, "identity", torch.nn.functional.mse_loss),
}


@pytest.fixture(scope="module", autouse=True)
def _torch() -> Iterator[None]:
    """One thread; and what PyTorch imports, and puts into the environment, at its first step is done before a test."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    weight = torch.zeros(1, requires_grad=True)
    weight.sum().backward()
    torch.optim.Adam([weight]).step()
    yield
    torch.set_num_threads(threads)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda x: x * 1,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "step": lambda x: torch.heaviside(x.detach(), torch.ones_like(x)) + 0 * x,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "selu": torch.nn.functional.selu,
    "softplus": torch.nn.functional.softplus,
    "softsign": torch.nn.functional.softsign,
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "silu": torch.nn.functional.silu,
    "hard_sigmoid": torch.nn.functional.hardsigmoid,
    "hard_tanh": torch.nn.functional.hardtanh,
    "relu6": torch.nn.functional.relu6,
    "exp": torch.exp,
    "square": torch.square,
    "absolute": torch.abs,
    "mish": torch.nn.functional.mish,
    "hard_swish": torch.nn.functional.hardswish,
}


@pytest.mark.parametrize("name", fnn.kernels.ACTIVATIONS)
def test_activations(name: str) -> None:
    """Values and derivatives of PyTorch in float64, at kinks too."""
    x = np.concatenate([np.linspace(-12, 12, 1201), [-3, -1, -0.0, 0, 1, 3, 6, -80, 80]]).astype(np.float32)
    z = torch.tensor(x.astype(np.float64), requires_grad=True)
    y = FUNCTIONS[name](z)
    (slope,) = torch.autograd.grad(y.sum(), z)
    function = getattr(fnn.activations, name)
    np.testing.assert_allclose(function(x), y.detach().numpy(), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(function.derivative(x), slope.numpy(), rtol=1e-6, atol=3e-7)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_activations_of_rows(name: str) -> None:
    x = np.float32(4 * np.random.default_rng(0).standard_normal((5, 3, 7)))
    wanted = getattr(torch, name)(torch.tensor(x.astype(np.float64)), dim=-1).numpy()
    np.testing.assert_allclose(getattr(fnn.activations, name)(x), wanted, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", [*FUNCTIONS, "prelu", "softmax", "log_softmax"])
def test_networks_with_each_activation(name: str) -> None:
    """Gradients of PyTorch in float64, through activations in products, of their own, and before a loss."""
    x, t = blobs(40)[0] / 4, np.random.default_rng(1).standard_normal((40, 3)).astype(np.float32)
    twice = [fnn.PReLU(), fnn.PReLU()] if name == "prelu" else [fnn.Activation(name), fnn.Activation(name)]
    first = [fnn.Dense(12), twice[0]] if name == "prelu" else [fnn.Dense(12, activation=name)]
    net = fnn.Sequential([*first, fnn.Dense(10), twice[1], fnn.Dense(3, activation="tanh")], input_shape=(4,), seed=0)
    net.compile("sgd", "mse")
    dx, gradients = net.gradient(x, t)
    twin = {key: torch.tensor(view.astype(np.float64), requires_grad=True) for key, view in net.weights.items()}
    inputs = z = torch.tensor(x.astype(np.float64), requires_grad=True)
    for i in range(3):
        z = z @ twin[f"dense_{i}.weight"] + twin[f"dense_{i}.bias"]
        if i == 2:
            z = torch.tanh(z)
        elif name == "prelu":
            z = torch.nn.functional.prelu(z, twin[f"prelu_{i}.slope"])
        else:
            z = FUNCTIONS[name](z) if name in FUNCTIONS else getattr(torch, name)(z, dim=1)
    torch.nn.functional.mse_loss(z, torch.tensor(t.astype(np.float64))).backward()
    wanted = {"x": inputs.grad, **{key: tensor.grad for key, tensor in twin.items()}}
    for key, found in {"x": dx, **gradients}.items():
        expected = wanted[key].numpy()
        assert np.linalg.norm(found - expected) <= 2e-6 * np.linalg.norm(expected), key


def steps(x: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batches in rotation; the last one is shorter than BATCH."""
    starts = range(0, len(x), BATCH)
    batches = [(x[start : start + BATCH], y[start : start + BATCH]) for start in starts]
    return [batches[i % len(batches)] for i in range(STEPS)]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", SETTINGS)
def test_optimizers(name: str, loss: str) -> None:
    """Losses and parameters of PyTorch in float64.

    The tolerance: float32 rounds each of 100 updates by at most 2^-24 of a parameter, and the gradients by some 1e-6 of
    their norm; growing along the path by less than tenfold that stays below 100 * 1e-6 = 1e-4 of the parameters' norm.
    A wrong power of beta, place of epsilon or order of decay shows at 1e-3 and more.
    """
    ours, theirs = SETTINGS[name]
    columns, ending, criterion = LOSSES[loss]
    x, labels = blobs(100)
    y = labels if loss == "cross_entropy" else (labels > 0).astype(np.float32).reshape(-1, 1)
    layers = [fnn.Dense(12, activation="tanh"), fnn.Dense(10, activation="relu"), fnn.Dense(columns, activation=ending)]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile(ours, loss)
    twin = {key: torch.tensor(view.astype(np.float64), requires_grad=True) for key, view in net.weights.items()}
    optimizer = theirs(list(twin.values()))
    for xb, yb in steps(x, y):
        z = torch.tensor(xb.astype(np.float64))
        for i, activation in enumerate((torch.tanh, torch.relu, lambda z: z)):
            z = activation(z @ twin[f"dense_{i}.weight"] + twin[f"dense_{i}.bias"])
        value = criterion(z, torch.tensor(yb if loss == "cross_entropy" else yb.astype(np.float64)))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        assert net.train_on_batch(xb, yb) == pytest.approx(value.item(), rel=1e-4, abs=1e-5)
    for key, view in net.weights.items():
        wanted = twin[key].detach().numpy()
        assert np.linalg.norm(view - wanted) <= 1e-4 * np.linalg.norm(wanted), key


def test_batch_norm() -> None:
    """Losses, parameters and running statistics of 60 steps; torch's momentum is 1 - ours, its variance unbiased."""
    norm = {"momentum": 0.8, "epsilon": 1e-3}
    layers = [fnn.Dense(8, bias=False), fnn.BatchNorm(**norm), fnn.Activation("relu")]
    layers += [fnn.Dense(6, activation="tanh"), fnn.BatchNorm(**norm), fnn.Dense(3, activation="softmax")]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile(fnn.SGD(0.05), "cross_entropy")
    x, y = blobs(100)
    x += 50
    norms = [torch.nn.BatchNorm1d(n, eps=1e-3, momentum=0.2, dtype=torch.float64) for n in (8, 6)]
    twin = {k: torch.tensor(v.astype(np.float64), requires_grad=True) for k, v in net.weights.items() if "dense" in k}
    parameters = [*twin.values(), *norms[0].parameters(), *norms[1].parameters()]
    optimizer = torch.optim.SGD(parameters, 0.05)
    for step in range(60):
        rows = np.arange(step, step + 16) % 100
        z = norms[0](torch.tensor(x[rows].astype(np.float64)) @ twin["dense_0.weight"]).relu()
        z = norms[1](torch.tanh(z @ twin["dense_1.weight"] + twin["dense_1.bias"]))
        z = z @ twin["dense_2.weight"] + twin["dense_2.bias"]
        loss = torch.nn.functional.cross_entropy(z, torch.tensor(y[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert net.train_on_batch(x[rows], y[rows]) == pytest.approx(loss.item(), rel=1e-4)
    for name, wanted in twin.items():
        np.testing.assert_allclose(net.weights[name], wanted.detach().numpy(), rtol=1e-3, atol=1e-4)
    for i, norm in enumerate(norms):
        wanted = {"gamma": norm.weight, "beta": norm.bias, "mean": norm.running_mean, "variance": norm.running_var}
        for name, value in wanted.items():
            expected = value.detach().numpy()
            if name == "variance":  # each of torch's batches weighs 16 / 15 of ours, and the initial 1 as much
                start = 0.8**60
                expected = (expected - start) * 15 / 16 + start
            np.testing.assert_allclose(net.weights[f"batch_norm_{i}.{name}"], expected, rtol=1e-3, atol=1e-4)


# The class in PyTorch, its settings, and ours: the same numbers step by step on gradients that are given.
STATES: dict[str, tuple[fnn.Optimizer, Callable[[Any], Any]]] = {
    name: SETTINGS[name] for name in SETTINGS if not name.startswith("Rprop")
} | {"Rprop": (fnn.Rprop(), lambda p: torch.optim.Rprop(p))}


@pytest.mark.parametrize("name", STATES)
def test_a_hundred_updates(name: str) -> None:
    """The same gradients for both: 100 updates within 1e-5 of float64, relative to the largest parameter."""
    ours, theirs = STATES[name]
    rng = np.random.default_rng(0)
    net = fnn.Sequential([fnn.Dense(5, bias=False)], input_shape=(6,), seed=0).compile(ours, "mse")
    weight = net.weights["dense_0.weight"]
    twin = torch.tensor(weight.astype(np.float64), requires_grad=True)
    optimizer = theirs([twin])
    for _ in range(100):
        target = rng.standard_normal((6, 5)).astype(np.float32)
        before = weight.astype(np.float64)
        net.train_on_batch(np.eye(6, dtype=np.float32), target)
        twin.grad = torch.tensor(net.gradients["dense_0.weight"].astype(np.float64))
        optimizer.step()
    error = np.abs(weight - twin.detach().numpy()).max() / np.abs(weight).max()
    assert error < 1e-5 and not np.allclose(weight, before, atol=0)


@pytest.mark.parametrize("settings", [{"clip_value": 0.05}, {"clip_norm": 0.1}, {"clip_norm": 1e6}], ids=str)
def test_clipping(settings: dict[str, float]) -> None:
    """As torch.nn.utils clips."""
    x, labels = blobs(60)
    net = fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=0).compile(fnn.SGD(0.5, **settings))
    plain = fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=0).compile(fnn.SGD(0.5))
    plain.train_on_batch(x, labels)
    twin = [torch.zeros(view.shape) for view in plain.gradients.values()]
    for tensor, gradient in zip(twin, plain.gradients.values(), strict=True):
        tensor.grad = torch.tensor(gradient)
    if "clip_value" in settings:
        torch.nn.utils.clip_grad_value_(twin, settings["clip_value"])
    else:
        torch.nn.utils.clip_grad_norm_(twin, settings["clip_norm"])
    net.train_on_batch(x, labels)
    for tensor, gradient in zip(twin, net.gradients.values(), strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=2e-5, atol=1e-8)


SCHEDULES: dict[str, tuple[Schedule, Callable[[Any, Any], Any]]] = {
    "step": (Step(0.1, 7, 0.3), lambda s, o: s.StepLR(o, 7, 0.3)),
    "exponential": (Exponential(0.1, 0.97), lambda s, o: s.ExponentialLR(o, 0.97)),
    "polynomial": (Polynomial(0.1, 30, power=2.5), lambda s, o: s.PolynomialLR(o, 30, 2.5)),
    "inverse square root": (
        InverseSqrt(0.1, 20),
        lambda s, o: s.LambdaLR(o, lambda t: 20**0.5 * min((t + 1) ** -0.5, (t + 1) * 20**-1.5)),
    ),
    "cosine": (Cosine(0.1, 50, end=0.01), lambda s, o: s.CosineAnnealingLR(o, 50, 0.01)),
    "restarts": (
        Cosine(0.1, 5, end=0.01, restarts=True, growth=2),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, 2, 0.01),
    ),
    "warm-up": (WarmUp(10, 0.1), lambda s, o: s.LinearLR(o, 0.1, 1.0, 9)),
    "one cycle": (OneCycle(0.1, 50), lambda s, o: s.OneCycleLR(o, 0.1, 50, cycle_momentum=False)),
    "one cycle, settings": (
        OneCycle(0.1, 50, rise=0.5, div_factor=10, final_div_factor=100),
        lambda s, o: s.OneCycleLR(o, 0.1, 50, pct_start=0.5, div_factor=10, final_div_factor=100, cycle_momentum=False),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name: str) -> None:
    """The rates of 50 updates."""
    schedule, make = SCHEDULES[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler, rates = make(torch.optim.lr_scheduler, optimizer), []
    for _ in range(50):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(schedule.rates(0, 50), rates, rtol=1e-10)
