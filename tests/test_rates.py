"""Rates by layer: factors of the learning rate, as PyTorch's parameter groups, and what is refused."""

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, assert_same_bits, normal
from fastnn.formats import model_file, safetensors_file

X, Y = normal(16, 5), normal(16, 2, start=1)
RATES = {"encoder": 0.1, "encoder.second": 2.5, "head": 0.5}
OPTIMIZERS: dict[str, tuple[Callable[[float], fnn.optimizers.Optimizer], str, dict[str, Any]]] = {
    "sgd": (lambda r: fnn.SGD(r), "SGD", {}),
    "momentum": (
        lambda r: fnn.SGD(r, 0.9, True, weight_decay=0.1),
        "SGD",
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    "adam": (lambda r: fnn.Adam(r, weight_decay=0.1), "Adam", {"weight_decay": 0.1}),
    "adamw": (lambda r: fnn.AdamW(r, weight_decay=0.5), "AdamW", {"weight_decay": 0.5}),
    "nadam": (lambda r: fnn.Nadam(r), "NAdam", {}),
    "rmsprop": (lambda r: fnn.RMSprop(r, momentum=0.5), "RMSprop", {"momentum": 0.5}),
    "adagrad": (lambda r: fnn.Adagrad(r), "Adagrad", {}),
    "adadelta": (lambda r: fnn.Adadelta(10 * r), "Adadelta", {}),
    "rprop": (lambda r: fnn.Rprop(r), "Rprop", {}),
}


def network(optimizer: Any = "sgd", rates: Any = None, seed: int = 0) -> fnn.Network:
    """5 -> (4 -> 3) -> 3 -> 2; the layer between encoder and head has no name in RATES."""
    inner = [fnn.Dense(4, "tanh", name="first"), fnn.Dense(3, "tanh", name="second")]
    encoder = fnn.Sequential(inner, input_shape=(5,), seed=seed + 1, name="encoder")
    layers = [encoder, fnn.Dense(3, "tanh", name="middle"), fnn.Dense(2, name="head")]
    return fnn.Sequential(layers, input_shape=(5,), seed=seed).compile(optimizer, "mse", rates=rates)


def factor(name: str) -> float:
    """What RATES say of a parameter."""
    layer = name.rpartition(".")[0]
    return RATES.get(layer, RATES.get(layer.partition(".")[0], 1.0))


@pytest.fixture(scope="module")
def torch() -> Any:
    """What PyTorch imports, and puts into the environment, with its first optimizer is done before a test."""
    found = pytest.importorskip("torch", reason="PyTorch is what is compared with")
    found.optim.SGD([found.zeros(1, requires_grad=True)], 0.1)
    return found


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_as_the_parameter_groups_of_pytorch(torch: Any, name: str) -> None:
    make, kind, settings = OPTIMIZERS[name]
    net = network(make(0.05), RATES)
    w = {name: torch.tensor(view, dtype=torch.float64, requires_grad=True) for name, view in net.weights.items()}
    rate = 0.5 if name == "adadelta" else 0.05
    groups = [{"params": [value], "lr": rate * factor(name)} for name, value in w.items()]
    optimizer = getattr(torch.optim, kind)(groups, lr=rate, **settings)
    for _ in range(6):
        net.train_on_batch(X, Y)
        h = torch.tensor(X, dtype=torch.float64)
        for layer in ("encoder.first", "encoder.second", "middle"):
            h = torch.tanh(h @ w[f"{layer}.weight"] + w[f"{layer}.bias"])
        y = h @ w["head.weight"] + w["head.bias"]
        optimizer.zero_grad()
        ((y - torch.tensor(Y)) ** 2).mean().backward()
        optimizer.step()
    for each, view in net.weights.items():
        assert_close(view, w[each].detach().numpy(), tolerance=2e-5)


def test_lion() -> None:
    """Its first step is rate (sign(g) + decay p), which PyTorch does not have."""
    net = network(fnn.Lion(0.01, weight_decay=0.5), RATES)
    before = {name: view.copy() for name, view in net.weights.items()}
    net.train_on_batch(X, Y)
    for name, view in net.weights.items():
        step = np.sign(net.gradients[name]) + 0.5 * before[name]
        assert_close(view, before[name] - 0.01 * factor(name) * step, tolerance=1e-6)


def test_factors_multiply_a_schedule() -> None:
    """fit, train_on_batch and both custom loops; the same bits as with one factor for all."""
    schedule, scaled = fnn.schedules.Exponential(0.25, 0.5), fnn.schedules.Exponential(0.125, 0.5)
    every = dict.fromkeys(("encoder", "middle", "head"), 0.5)
    nets = [network(fnn.Adam(schedule), every) for _ in range(4)] + [network(fnn.Adam(scaled)) for _ in range(4)]
    for i, net in enumerate(nets):
        for _ in range(4) if i % 4 else range(1):
            if i % 4 == 0:
                net.fit(X, Y, len(X), 4, shuffle=False, verbose=0)
            elif i % 4 == 1:
                net.train_on_batch(X, Y)
            elif i % 4 == 2:
                net.update((net.forward(X, training=True) - Y) / Y.size * 2)
            else:
                net.backward((net.forward(X, training=True) - Y) / Y.size * 2)
                net.step()
                net.zero_grad()
    for net, other in zip(nets[:4], nets[4:], strict=True):
        assert_same_bits(net.vector(), other.vector())


def test_without_rates_nothing_changes() -> None:
    """The plan has as many updates as before, and neighbours of one factor share one."""
    ops = [repr(network("adam", rates).plan(training=True)).count("Adam(") for rates in (None, {}, {"middle": 1.0})]
    assert ops == [2, 2, 2]
    assert repr(network("adam", RATES).plan(training=True)).count("Adam(") == 4
    assert repr(network("adam", {"encoder": 0.5}).plan(training=True)).count("Adam(") == 2


def test_with_frozen_layers_and_an_average() -> None:
    net = network()
    net.layers[0].layers[0].trainable = False
    net.compile(fnn.SGD(1.0, ema=0.0, clip_norm=1e-3), "mse", rates={"encoder": 0.5, "middle": 1})
    before = net.vector()
    net.train_on_batch(X, Y)
    assert_same_bits(net.averaged().vector(), net.vector())
    assert_same_bits(net.weights["encoder.first.weight"], network().weights["encoder.first.weight"])
    other = network()
    other.set_vector(before)
    for name, view in net.gradients.items():
        share = 0.5 if name.startswith("encoder.second") else 1.0
        assert_close(net.weights[name], other.weights[name] - share * view, tolerance=1e-6)


def test_files_and_copies(tmp_path: Path) -> None:
    net = network(fnn.AdamW(0.01), RATES)
    net.train_on_batch(X, Y)
    net.save(tmp_path / "net.fnn")
    others = [fnn.load(tmp_path / "net.fnn"), copy.copy(net)]
    for each in (net, *others):
        assert each.rates == RATES
        each.train_on_batch(X, Y)
        assert_same_bits(each.vector(), net.vector())
    again = net.compile(fnn.AdamW(0.01), "mse", keep_state=True)
    assert again.rates == {} and net.counters.update == 2


def test_a_shared_network_has_one_rate() -> None:
    """By any of its names, but not two."""
    a, b = fnn.Input((3,), name="a"), fnn.Input((3,), name="b")
    trunk = fnn.Sequential([fnn.Dense(3, name="d")], input_shape=(3,), seed=1, name="trunk")
    sides = [fnn.Sequential([trunk, fnn.Dense(2)], input_shape=(3,), seed=2, name=name) for name in ("left", "right")]
    net = fnn.Network([a, b], fnn.Add()([sides[0](a), sides[1](b)]), seed=0)
    x = {"a": X[:, :3], "b": X[:, 2:]}
    net.compile(fnn.SGD(1.0), "mse", rates={"right.trunk": 0.5})
    name = "left.trunk.d.weight"
    before = net.weights[name].copy()
    net.train_on_batch(x, Y)
    assert_close(net.weights[name], before - 0.5 * net.gradients[name], tolerance=1e-6)
    with pytest.raises(ValueError, match=r"left\.trunk\.d\.weight and right.* are one parameter, but have 1 and 0\.5"):
        net.compile("sgd", "mse", rates={"left.trunk": 1, "right.trunk": 0.5})


@pytest.mark.parametrize(
    ("rates", "error", "message"),
    [
        ({"encodr": 0.1}, ValueError, r"rates: unknown layer 'encodr'; known: encoder, encoder\.first, .*head"),
        ({"first": 0.1}, ValueError, "unknown layer 'first'"),
        ({"head": 0}, ValueError, r"rates: head: with 0 nothing is trained.*trainable = False"),
        ({"head": -1}, ValueError, r"rates: head must be a number >= 0"),
        ({"head": "fast"}, TypeError, r"rates: head must be a number"),
        ({"head": np.inf}, ValueError, "rates: head"),
        (0.1, TypeError, "rates must be a dict of factors"),
        ([("head", 0.1)], TypeError, "rates must be a dict of factors"),
    ],
)
def test_refused(rates: Any, error: type[Exception], message: str) -> None:
    net = network("adam", RATES)
    with pytest.raises(error, match=message):
        net.compile("sgd", "mse", rates=rates)
    assert net.rates == RATES and isinstance(net.optimizer, fnn.Adam)


def test_refused_where_it_would_have_no_effect() -> None:
    net = network("adam", RATES)
    with pytest.raises(ValueError, match=r"rates: LBFGS makes one step of all parameters together"):
        net.compile(fnn.LBFGS(), "mse", rates=RATES)
    assert network(fnn.LBFGS(), {}).rates == {}
    net.layers[0].trainable = False
    with pytest.raises(ValueError, match=r"rates: 'encoder' has no parameters that are trained"):
        net.compile("adam", "mse", rates=RATES)
    assert net.rates == RATES
    flat = fnn.Sequential([fnn.Flatten(), fnn.Dense(1)]).compile("adam", "mse", rates={"flatten_0": 2})
    with pytest.raises(ValueError, match=r"rates: 'flatten_0' has no parameters"):
        flat.build((3,))
    with pytest.raises(AttributeError, match="rates cannot be set; call compile"):
        net.rates = {}


def test_an_optimizer_of_ones_own() -> None:
    """It need not know of factors."""

    class Twice(fnn.SGD):
        def update(self, lowering: Any, span: Any) -> None:
            super().update(lowering, span)
            super().update(lowering, span)

    net, plain = network(Twice(0.5), {"encoder": 0.5}), network()
    net.train_on_batch(X, Y)
    for name, view in net.gradients.items():
        share = 0.5 if name.startswith("encoder") else 1.0
        assert_close(net.weights[name], plain.weights[name] - share * view, tolerance=1e-6)


@pytest.mark.parametrize("rates", [{"head": 0}, {"hed": 0.5}, {"head": "1"}, ["head"], {"head": {}}])
def test_a_file_with_other_rates_is_refused(rates: Any) -> None:
    description, tensors = model_file.contents(network("adam", RATES))
    description["compiled"]["rates"] = rates
    file = io.BytesIO()
    safetensors_file.write(description, tensors, file)
    with pytest.raises(ValueError, match="rates"):
        fnn.load(io.BytesIO(file.getvalue()))
