"""BatchNorm in a network: the running statistics, freezing, files, and what a failed step leaves."""

import copy
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference
from check import normal
from fastnn import kernels
from fastnn.engine.tensor import Tensor
from fastnn.inference.frozen import PREDICT, Snapshot
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Affine, Value
from networks import blobs, training_state


def network(optimizer: Any = "adam", seed: int = 0, **settings: float) -> fnn.Sequential:
    """4 -> 8 -> 6 -> 3, with a BatchNorm after a Dense alone, and after one with an activation."""
    layers = [
        fnn.Dense(8, bias=False),
        fnn.BatchNorm(**settings),
        fnn.Activation("relu"),
        fnn.Dense(6, activation="tanh"),
        fnn.BatchNorm(**settings),
        fnn.Dense(3, activation="softmax"),
    ]
    return fnn.Sequential(layers, input_shape=(4,), seed=seed).compile(optimizer, "cross_entropy", ["accuracy"])


def ops(plan: Any) -> list[str]:
    return [type(op).__name__ for op in plan.ops]


def test_prediction_uses_the_running_statistics() -> None:
    """The mean over positions, too: channels come last."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 3, 2)).astype(np.float32) * [2, 5] + [1, -7]
    net = fnn.Sequential([fnn.BatchNorm(momentum=0.5), fnn.Flatten(), fnn.Dense(1)], input_shape=(3, 2), seed=0)
    net.compile(fnn.SGD(0.0), "mse")
    net.train_on_batch(x, np.zeros((50, 1)))
    mean, variance = net.weights["batch_norm_0.mean"], net.weights["batch_norm_0.variance"]
    np.testing.assert_allclose(mean, 0.5 * x.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.5 + 0.5 * x.var(axis=(0, 1)), rtol=1e-5)
    normal = ((x - mean) / np.sqrt(variance + 1e-5)).reshape(50, 6)
    wanted = normal @ net.weights["dense_0.weight"] + net.weights["dense_0.bias"]
    np.testing.assert_allclose(net.predict(x), wanted, rtol=1e-4, atol=1e-5)


def test_statistics_are_not_parameters() -> None:
    net = network()
    statistics = {f"batch_norm_{i}.{name}" for i in (0, 1) for name in ("mean", "variance")}
    assert set(net.weights) - set(net.gradients) == statistics
    assert net.blocks.count() == 4 * 8 + 2 * 8 + 8 * 6 + 6 + 2 * 6 + 6 * 3 + 3
    before = {name: net.weights[name].copy() for name in statistics}
    x, y = blobs()
    net.predict(x)
    net.evaluate(x, y)
    for name in statistics:
        np.testing.assert_array_equal(net.weights[name], before[name])
    net.plan(8, training=True).profile(2)  # puts back what it ran
    for name in statistics:
        np.testing.assert_array_equal(net.weights[name], before[name])
    net.train_on_batch(x, y)
    assert all((net.weights[name] != before[name]).any() for name in statistics)


def test_frozen_it_stays_as_it_is() -> None:
    """In training, too, it uses its running statistics; the gradients pass through."""
    x, y = blobs()
    net = network(fnn.SGD(0.1))
    net.fit(x, y, 16, verbose=0)
    layers = dict(net.named_layers())
    layers["batch_norm_0"].trainable = layers["batch_norm_1"].trainable = False
    net.compile(fnn.SGD(0.1), "cross_entropy")
    before = {name: view.copy() for name, view in net.weights.items()}
    loss = net.evaluate(x, y)["loss"]
    assert net.train_on_batch(x, y) == pytest.approx(loss, rel=1e-5)
    for name, view in net.weights.items():
        assert (view != before[name]).any() == ("dense" in name), name
    assert net.evaluate(x, y)["loss"] < loss
    # The gradient of the first weights, in NumPy: the normalization is a linear map.
    w = {name: view.astype(np.float64) for name, view in before.items()}
    scale = [w[f"batch_norm_{i}.gamma"] / np.sqrt(w[f"batch_norm_{i}.variance"] + 1e-5) for i in (0, 1)]
    a = (x @ w["dense_0.weight"] - w["batch_norm_0.mean"]) * scale[0] + w["batch_norm_0.beta"]
    h = np.tanh(np.maximum(a, 0) @ w["dense_1.weight"] + w["dense_1.bias"])
    b = (h - w["batch_norm_1.mean"]) * scale[1] + w["batch_norm_1.beta"]
    z = b @ w["dense_2.weight"] + w["dense_2.bias"]
    d = ((reference.Softmax(z) - np.eye(3)[y]) / len(x)) @ w["dense_2.weight"].T * scale[1] * (1 - h * h)
    d = d @ w["dense_1.weight"].T * (a > 0) * scale[0]
    np.testing.assert_allclose(net.gradients["dense_0.weight"], x.T @ d, rtol=1e-3, atol=1e-6)


def test_a_batch_of_one_leaves_them_alone() -> None:
    """Its output is beta; a last short batch of one does not end a fit."""
    net = network(fnn.SGD(0.0))
    x, y = blobs(33)
    net.fit(x[:32], y[:32], 16, shuffle=False, verbose=0)
    before = {name: view.copy() for name, view in net.weights.items()}
    net.train_on_batch(x[:1], y[:1])
    assert all((net.weights[name] == before[name]).all() for name in before)
    assert np.isfinite(net.fit(x, y, 16, verbose=0).history["loss"]).all()


def test_same_bits_on_threads_and_again() -> None:
    x, y = blobs(5000)
    ends = []
    for threads in (1, 2):
        with fnn.threads(threads):
            net = network()
            net.fit(x, y, 2500, epochs=2, verbose=0)
            ends.append(training_state(net))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("epsilon", [1e-5, 1e-1])
def test_freezing_folds(epsilon: float) -> None:
    """After a Dense without activation it costs nothing; after another one it is an op. refresh folds again."""
    x, y = blobs()
    net = network(epsilon=epsilon)
    net.fit(x, y, 16, epochs=3, verbose=0)
    f = net.freeze(len(x))
    for _ in range(2):
        wanted = net.predict(x)
        np.testing.assert_allclose(f(x), wanted, rtol=1e-5, atol=1e-6)
        net.fit(x, y, 16, epochs=3, verbose=0)
        assert np.abs(f(x) - net.predict(x)).max() > 1e-3, "the frozen one stays"
        f.refresh()


def test_the_frozen_plan_has_one_product_for_dense_norm_and_activation() -> None:
    from fastnn.inference.frozen import PREDICT, Snapshot

    net = network()
    frozen = Snapshot(net).program(PREDICT, 8)
    assert ops(frozen.plan) == ["Gather", "Dense", "Dense", "BatchNorm", "Dense", "Softmax", "Scatter"]
    assert ops(net.plan(8))[:4] == ["Gather", "Dense", "BatchNorm", "Dense"], "relu is in the epilogue"


def skipping() -> fnn.Network:
    """What a Dense gives goes to a BatchNorm, to an activation, and past both; one BatchNorm occurs twice."""
    x, norm = fnn.Input((4,)), fnn.BatchNorm()
    a = fnn.Dense(5)(x)
    b = fnn.Add()([norm(a), fnn.Activation("relu")(a), a])
    return fnn.Network(x, fnn.Dense(3)(norm(b)), seed=0).compile("adam", "cross_entropy")


def test_what_others_read_is_left_alone() -> None:
    """Neither folded nor fused, in training and frozen; the gradients of a shared one are summed."""
    x, y = blobs()
    net = skipping()
    fnn.check_gradients(net, x, y)
    net.fit(x, y, 16, epochs=3, verbose=0)
    np.testing.assert_allclose(net.freeze(len(x))(x), net.predict(x), rtol=1e-5, atol=1e-6)
    w = {name: view.astype(np.float64) for name, view in net.weights.items()}

    def norm(x: np.ndarray) -> np.ndarray:
        scale = w["batch_norm_0.gamma"] / np.sqrt(w["batch_norm_0.variance"] + 1e-5)
        return (x - w["batch_norm_0.mean"]) * scale + w["batch_norm_0.beta"]

    a = x @ w["dense_0.weight"] + w["dense_0.bias"]
    wanted = norm(norm(a) + np.maximum(a, 0) + a) @ w["dense_1.weight"] + w["dense_1.bias"]
    np.testing.assert_allclose(net.predict(x), wanted, rtol=1e-4, atol=1e-5)


def test_in_a_network_that_is_a_layer(tmp_path: Path) -> None:
    """The statistics are in the inner network's block; both see them, files hold them."""
    x, y = blobs()
    layers = [fnn.Dense(5), fnn.BatchNorm(), fnn.Activation("tanh")]
    inner = fnn.Sequential(layers, input_shape=(4,), seed=0, name="inner")
    given = fnn.Input((4,))
    net = fnn.Network(given, fnn.Dense(3)(inner(given)), seed=0).compile("adam", "cross_entropy")
    net.fit(x, y, 16, verbose=0)
    mean = net.weights["inner.batch_norm_0.mean"]
    np.testing.assert_array_equal(inner.weights["batch_norm_0.mean"], mean)
    assert mean.all()
    net.save(tmp_path / "net.safetensors")
    twin = fnn.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(twin.predict(x), net.predict(x))
    np.testing.assert_allclose(twin.freeze(len(x))(x), net.predict(x), rtol=1e-5, atol=1e-6)


def test_files_and_copies(tmp_path: Path) -> None:
    x, y = blobs()
    net = network(momentum=0.5, epsilon=1e-3)
    net.fit(x, y, 16, epochs=2, verbose=0)
    net.save(tmp_path / "net.safetensors")
    twins = [fnn.load(tmp_path / "net.safetensors"), copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    for _ in range(2):
        for twin in twins:
            assert training_state(twin) == training_state(net)
            np.testing.assert_array_equal(twin.predict(x), net.predict(x))
        for each in (net, *twins):
            each.fit(x, y, 16, verbose=0)


def test_a_step_that_fails_changes_nothing() -> None:
    x, y = blobs()
    net = network()
    net.fit(x, y, 16, verbose=0)
    net.weights["dense_2.bias"][...] = np.inf
    broken = training_state(net)
    with pytest.raises(FloatingPointError):
        net.train_on_batch(x, y)
    assert training_state(net) == broken
    with pytest.raises(ValueError, match="is nan"):
        net.train_on_batch(np.full((4, 4), np.nan), y[:4])
    assert training_state(net) == broken


def test_divergence_restores_them() -> None:
    x, y = blobs()
    net = network(fnn.SGD(0.01))
    net.fit(x, y, 16, verbose=0)
    before = training_state(net)

    class Break(fnn.Callback):
        def on_batch_end(self, batch: int, logs: Any) -> None:
            if batch == 2:
                self.net.weights["dense_2.bias"][...] = np.nan

    with pytest.raises(FloatingPointError, match="last finite epoch"):
        net.fit(x, y, 16, verbose=0, callbacks=[Break()])
    assert training_state(net) == before


@pytest.mark.parametrize("activation", ["relu", "gelu", "softmax"])
def test_gradients(activation: str) -> None:
    """By finite differences, through the statistics of the batch; nothing changes."""
    layers = [fnn.Dense(6, activation="tanh"), fnn.BatchNorm(epsilon=0.1), fnn.Activation(activation), fnn.Dense(3)]
    net = fnn.Sequential([fnn.BatchNorm(), *layers], input_shape=(4,), seed=0).compile("adam", "cross_entropy")
    rng = np.random.default_rng(0)
    for name in net.gradients:
        net.weights[name] = net.weights[name] + 0.3 * rng.standard_normal(net.weights[name].shape)
    before = training_state(net)
    fnn.check_gradients(net, *blobs(20))
    assert training_state(net) == before


def test_by_hand() -> None:
    """The running statistics change with the backward pass; the gradient of the input alone leaves them."""
    x, y = blobs(30)
    net, twin = network(fnn.SGD(0.1)), network(fnn.SGD(0.1))
    before = {name: view.copy() for name, view in net.weights.items()}
    p = net.forward(x, training=True)
    dy = (p - np.eye(3)[y]) / len(x)
    alone = net.backward(dy, parameters=False)
    assert all((net.weights[name] == before[name]).all() for name in before)
    assert all((view == 0).all() for view in net.gradients.values())
    net.forward(x, training=True)
    np.testing.assert_array_equal(net.backward(dy), alone)
    twin.train_on_batch(x, y)
    for name in ("mean", "variance"):
        np.testing.assert_array_equal(net.weights[f"batch_norm_0.{name}"], twin.weights[f"batch_norm_0.{name}"])
    assert (net.weights["batch_norm_0.mean"] != before["batch_norm_0.mean"]).all()


def test_settings_are_checked() -> None:
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="BatchNorm: momentum must be a number >= 0 and <= 1"):
            fnn.BatchNorm(momentum=wrong)
    for wrong in (0, -1e-5, np.inf):
        with pytest.raises(ValueError, match="BatchNorm: epsilon must be a number"):
            fnn.BatchNorm(epsilon=wrong)
    assert repr(fnn.BatchNorm(0.5)) == "BatchNorm(momentum=0.5)"


FOLDED = {
    "dense": ((7,), fnn.Dense(5)),
    "convolution": ((6, 5, 4), fnn.Conv2D(6, 3, groups=2)),
    "without bias": ((6, 5, 4), fnn.Conv2D(6, 3, bias=False)),
    "winograd": ((6, 5, 32), fnn.Conv2D(33, 3)),
    "transposed": ((4, 5, 3), fnn.Conv2DTranspose(6, 3, 2)),
    "transposed, winograd": ((6, 5, 32), fnn.Conv2DTranspose(34, 3)),
    "depthwise": ((6, 5, 4), fnn.DepthwiseConv2D(3, multiplier=2)),
    "separable": ((6, 5, 4), fnn.SeparableConv2D(7, 3)),
    "sequence": ((9, 4), fnn.Conv1D(5, 3)),
}


@pytest.mark.parametrize("case", FOLDED)
def test_freeze_folds_it(case: str) -> None:
    """No op of its own is left, and the outputs are those of predict."""
    shape, layer = FOLDED[case]
    net = fnn.Sequential([layer, fnn.BatchNorm(), fnn.Activation("tanh")], input_shape=shape, seed=1)
    net.compile(fnn.Adam(0.05), "mse")
    x = normal(20, *shape) + 0.5
    net.fit(x, normal(20, *net.output_shape), 5, epochs=4, verbose=0)
    plan = Snapshot(net).program(PREDICT, 4).plan
    assert not [op for op in plan.ops if "BatchNorm" in type(op).__name__]
    np.testing.assert_allclose(net.freeze(4)(x[:4]), net.predict(x[:4]), rtol=1e-5, atol=1e-5)


def test_a_layer_says_what_may_be_folded_into_it() -> None:
    """BatchNorm asks the value alone, not which Op makes it: one that says nothing is left as it is."""

    @dataclass(eq=False, repr=False)
    class Doubling(fnn.Dense):
        says: bool = True

        def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
            y, bias = lowering.value(self.units, trains=False), weights["bias"].value
            weight = Tensor(weights["weight"].value.shape)
            weight.array[...] = 2 * weights["weight"].value.array
            y.producer = lowering.emit(kernels.Dense, lowering.read(x).buffer, weight=weight, bias=bias, y=y.buffer)
            y.affine = Affine(weight, bias, (self.units,)) if self.says else None
            return y

    x = normal(3, 4)
    for says in (True, False):
        net = fnn.Sequential([Doubling(5, says=says), fnn.BatchNorm()], input_shape=(4,), seed=1)
        net.weights["batch_norm_0.mean"][...] = normal(5)
        net.weights["batch_norm_0.variance"][...] = 1 + normal(5) ** 2
        made = ops(Snapshot(net).program(PREDICT, 3).plan)
        assert made == ["Gather", "Dense", *([] if says else ["BatchNorm"]), "Scatter"]
        np.testing.assert_allclose(net.freeze(3)(x), net.predict(x), rtol=1e-5, atol=1e-5)
