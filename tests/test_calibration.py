"""Running statistics of BatchNorm computed again, and averaged weights with theirs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal
from fastnn.model.feed import Order
from networks import blobs, state

STATISTICS = ("mean", "variance")


def network(optimizer: Any = "adam", **settings: Any) -> fnn.Sequential:
    """A BatchNorm before and one after a dropout."""
    layers = [fnn.Dense(8), fnn.BatchNorm(), fnn.Dense(6, "tanh"), fnn.Dropout(0.3), fnn.BatchNorm(**settings)]
    net = fnn.Sequential([*layers, fnn.Dense(3, "softmax")], input_shape=(4,), seed=0)
    return net.compile(optimizer, "cross_entropy")


def statistics(net: fnn.Network) -> np.ndarray:
    return np.concatenate([view for name, view in net.weights.items() if name.endswith(STATISTICS)])


def test_as_pytorch() -> None:
    """update_bn takes the mean of the batches likewise; but its variances are divided by one less than their number."""
    torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")
    layers = [fnn.Conv2D(5, 3), fnn.BatchNorm(), fnn.Activation("relu"), fnn.Flatten(), fnn.Dense(6), fnn.BatchNorm()]
    net = fnn.Sequential(layers, input_shape=(6, 7, 2), seed=0)
    x, rows = 2 * normal(48, 6, 7, 2) + 1, 16
    net.calibrate(x, batch_size=rows)
    weight = net.weights["conv2d_0.weight"].transpose(3, 2, 0, 1)
    twin = torch.nn.Sequential(
        torch.nn.Conv2d(2, 5, 3), torch.nn.BatchNorm2d(5), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(100, 6)
    ).append(torch.nn.BatchNorm1d(6))
    with torch.no_grad():
        twin[0].weight[...], twin[0].bias[...] = torch.tensor(weight.copy()), 0
        dense = net.weights["dense_0.weight"].reshape(4, 5, 5, 6).transpose(3, 2, 0, 1)  # channels first
        twin[4].weight[...], twin[4].bias[...] = torch.tensor(dense.reshape(6, 100).copy()), 0
    order = Order(len(x), seed=net.seed)(0)
    batches = torch.tensor(x.transpose(0, 3, 1, 2)[order]).split(rows)
    torch.optim.swa_utils.update_bn(batches, twin)
    for i, layer, values in ((0, twin[1], rows * 20), (1, twin[5], rows)):
        mean, variance = (net.weights[f"batch_norm_{i}.{name}"] for name in STATISTICS)
        np.testing.assert_allclose(mean, layer.running_mean, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(variance, layer.running_var * (values - 1) / values, rtol=2e-5)


def test_batches_are_weighted_by_their_values() -> None:
    """The mean is that of all samples, also where the last batch is shorter or a single sample."""
    x = 3 * normal(50, 4) + 1
    net = fnn.Sequential([fnn.BatchNorm()], input_shape=(4,), seed=0)
    mean, variance = (net.weights[f"batch_norm_0.{name}"] for name in STATISTICS)
    net.calibrate(x)
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, x.var(axis=0), rtol=1e-5)
    shuffled = x[Order(50, seed=0)(0)]
    net.calibrate(x, batch_size=16)
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-5)
    parts = [shuffled[i : i + 16] for i in (0, 16, 32, 48)]
    np.testing.assert_allclose(
        variance, np.average([part.var(axis=0) for part in parts], axis=0, weights=[16, 16, 16, 2]), rtol=1e-5
    )
    net.calibrate(x, batch_size=7)
    np.testing.assert_allclose(mean, shuffled[:49].mean(axis=0), rtol=1e-5)


def test_all_else_stays() -> None:
    """And the same x gives the same bits, on any threads, whatever the statistics were, with dropout acting."""
    x, y = blobs()
    net = network(fnn.Adam(ema=0.9))
    net.fit(x, y, epochs=2, verbose=0)
    net.backward(np.ones_like(net.forward(x, training=True)))
    views = {name: view for name, view in net.weights.items() if name.endswith(STATISTICS)}
    before = {name: view.copy() for name, view in views.items()}
    digest = state(net)
    assert net.calibrate(x, 20) is net
    found = statistics(net).copy()
    assert all((views[name] != before[name]).any() for name in views)
    for view in views.values():
        view[...] = np.nan
    with fnn.threads(1):
        net.calibrate(x, 20)
    assert_same_bits(statistics(net), found)
    for name, view in views.items():
        view[...] = before[name]
    assert state(net) == digest


def test_sources() -> None:
    """Batches from a function, whose targets are ignored, and sequences with lengths."""
    x, y = blobs(60)
    one, other = network(), network()
    one.calibrate(lambda: iter([(x[:30], y[:30]), (x[30:], y[30:])]))
    other.calibrate(x, 60)
    assert np.isfinite(statistics(one)).all()
    np.testing.assert_allclose(*(each.weights["batch_norm_0.mean"] for each in (one, other)), rtol=1e-4, atol=1e-5)
    steps = normal(9, 5, 3)
    net = fnn.Sequential([fnn.BatchNorm(), fnn.GRU(2)], input_shape=(5, 3), seed=0)
    lengths = np.array([1, 5, 2, 3, 4, 5, 1, 1, 2])
    net.calibrate(steps, lengths=lengths)
    real = np.concatenate([row[:n] for row, n in zip(steps, lengths, strict=True)])
    np.testing.assert_allclose(net.weights["batch_norm_0.mean"], real.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(net.weights["batch_norm_0.variance"], real.var(axis=0), rtol=1e-5)


def test_a_layer_that_is_called_twice() -> None:
    a, b, norm = fnn.Input((3,), name="a"), fnn.Input((3,), name="b"), fnn.BatchNorm()
    net = fnn.Network([a, b], fnn.Add()([norm(a), norm(b)]))
    x, z = normal(20, 3), 2 * normal(20, 3, start=1) + 1
    net.calibrate({"a": x, "b": z})
    np.testing.assert_allclose(net.weights["batch_norm_0.mean"], (x.mean(axis=0) + z.mean(axis=0)) / 2, rtol=1e-5)
    np.testing.assert_allclose(net.weights["batch_norm_0.variance"], (x.var(axis=0) + z.var(axis=0)) / 2, rtol=1e-5)


def test_frozen_layers_keep_theirs() -> None:
    net = network()
    net.layers[1].trainable = False
    net.compile("adam", "cross_entropy").calibrate(blobs()[0])
    assert not net.weights["batch_norm_0.mean"].any() and net.weights["batch_norm_1.mean"].any()


def test_averaged() -> None:
    """The average with its own statistics; the network itself stays."""
    x, y = blobs()
    net = network(fnn.SGD(0.5, ema=0.95))
    net.fit(x, y, epochs=3, verbose=0)
    digest = state(net)
    twin, plain = net.averaged(x), net.averaged()
    assert state(net) == digest
    assert_same_bits(twin.parameters, plain.parameters)
    assert_same_bits(statistics(plain), statistics(net))
    assert (statistics(twin) != statistics(plain)).all()
    assert_same_bits(statistics(plain.calibrate(x)), statistics(twin))
    first = x.astype(np.float64) @ twin.weights["dense_0.weight"] + twin.weights["dense_0.bias"]
    np.testing.assert_allclose(twin.weights["batch_norm_0.mean"], first.mean(axis=0), rtol=1e-4, atol=1e-5)
    with pytest.raises(RuntimeError, match="averaged: the optimizer keeps no average"):
        network().averaged(x)
    with pytest.raises(ValueError, match="no BatchNorm that is trained"):
        fnn.Sequential([fnn.Dense(1)], (4,)).compile(fnn.Adam(ema=0.9), "mse").averaged(x)


def frozen() -> fnn.Network:
    net = network()
    for layer in net.layers:
        layer.trainable = not isinstance(layer, fnn.BatchNorm)
    return net.compile("adam", "cross_entropy")


X = blobs()[0]
BROKEN, HUGE = X.copy(), X.copy()
BROKEN[-1, 2], HUGE[-1] = np.nan, 3e38


@pytest.mark.parametrize(
    ("make", "x", "settings", "error", "message"),
    [
        (lambda: fnn.Sequential([fnn.Dense(1)], (4,)), X, {}, ValueError, "calibrate: the network has no BatchNorm"),
        (frozen, X, {}, ValueError, "calibrate: the network has no BatchNorm that is trained"),
        (network, X[:, :3], {}, ValueError, r"Dense\(8\): expected input \(batch, 4\), got \(90, 3\)"),
        (network, X[:0], {}, ValueError, "x is empty"),
        (network, "x", {}, ValueError, "x: expected a .npy or .npz file"),
        (network, X, {"batch_size": 0}, ValueError, "batch_size"),
        (network, X, {"batch_size": 1}, ValueError, "one value in each batch.*give larger batches"),
        (network, X[:1], {}, ValueError, "one value in each batch"),
        (network, X, {"lengths": [1] * 90}, ValueError, "lengths"),
        (network, BROKEN, {"batch_size": 10}, ValueError, r"x\[89, 2\] is nan"),
        (network, HUGE, {"batch_size": 10}, FloatingPointError, "statistics of a batch overflow"),
    ],
)
def test_what_is_refused(
    make: Callable[[], fnn.Network], x: Any, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    """A failed call leaves the statistics as they were."""
    net = make()
    digest = state(net)
    with pytest.raises(error, match=message):
        net.calibrate(x, **settings)
    assert state(net) == digest


def test_a_network_that_is_not_built() -> None:
    net = fnn.Sequential([fnn.Dense(2), fnn.BatchNorm()], seed=0)
    with pytest.raises(ValueError, match="nan"):
        net.calibrate(BROKEN)
    assert net.input_shape is None
    assert net.calibrate(X).input_shape == (4,)
