"""Networks: building, compiling, predicting, and the mappings of weights and gradients."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier, regression, state

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
}


def twin(net: fnn.Sequential, weights: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """The network's outputs in float64."""
    for name, layer in net.named_layers():
        if isinstance(layer, fnn.Flatten):
            x = x.reshape(len(x), -1)
        if isinstance(layer, fnn.Dense):
            x = x @ weights[f"{name}.weight"] + (weights[f"{name}.bias"] if layer.bias else 0)
        if isinstance(layer, (fnn.Dense, fnn.Activation)):
            x = ACTIVATIONS[layer.activation](x)
    return x


def twin_loss(loss: str, logits: bool, y: np.ndarray, t: np.ndarray) -> float:
    """The loss of outputs y for targets t in float64; logits: y is not a probability yet."""
    if loss == "mse":
        return float(((y - t) ** 2).mean())
    p = ACTIVATIONS["softmax" if loss == "cross_entropy" else "sigmoid"](y) if logits else y
    if loss == "cross_entropy":
        return float(-(t * np.log(p)).sum(axis=1).mean())
    return float(-(t * np.log(p) + (1 - t) * np.log(1 - p)).mean())


def target(loss: str, rows: int, columns: int) -> np.ndarray:
    """Random targets of the kind that a loss takes, as rows."""
    rng = np.random.default_rng(7)
    if loss == "cross_entropy":
        return rng.dirichlet(np.ones(columns), rows).astype(np.float32)
    return (rng.random((rows, columns)) if loss == "mse" else rng.random((rows, columns)) < 0.5).astype(np.float32)


def check_gradients(net: fnn.Sequential, loss: str, x: np.ndarray, t: np.ndarray, logits: bool) -> None:
    """net.gradients against central differences of the float64 twin, and evaluate against the twin's loss."""
    weights = {name: view.astype(np.float64) for name, view in net.weights.items()}

    def value() -> float:
        return twin_loss(loss, logits, twin(net, weights, x.astype(np.float64)), t.astype(np.float64))

    np.testing.assert_allclose(net.predict(x), twin(net, weights, x.astype(np.float64)), rtol=1e-4, atol=1e-6)
    assert net.evaluate(x, t)["loss"] == pytest.approx(value(), rel=1e-5)
    assert net.train_on_batch(x, t) == pytest.approx(value(), rel=1e-5)
    for name, view in weights.items():
        wanted = np.empty_like(view)
        for place in np.ndindex(view.shape):
            before = view[place]
            view[place] = before + 1e-6
            above = value()
            view[place] = before - 1e-6
            wanted[place] = (above - value()) / 2e-6
            view[place] = before
        error = np.linalg.norm(net.gradients[name] - wanted)
        assert error <= 1e-4 * np.linalg.norm(wanted) + 1e-7, f"{name}: {error} of {np.linalg.norm(wanted)}"


def randomized(net: fnn.Sequential) -> fnn.Sequential:
    """The same network with all weights drawn, so that no bias is zero."""
    rng = np.random.default_rng(5)
    for name, view in net.weights.items():
        net.weights[name] = rng.standard_normal(view.shape) * 0.7
    return net


ENDINGS = [("cross_entropy", "softmax"), ("cross_entropy", "identity")]
ENDINGS += [("binary_cross_entropy", "sigmoid"), ("binary_cross_entropy", "identity")]
ENDINGS += [("mse", ending) for ending in ACTIVATIONS]


@pytest.mark.parametrize("apart", [False, True], ids=["fused", "layers"])
@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize(("loss", "ending"), ENDINGS)
def test_gradients(loss: str, ending: str, hidden: str, apart: bool) -> None:
    """Every activation below every loss and ending, as an argument of Dense and as a layer of its own."""
    if apart:
        layers = [fnn.Dense(5), fnn.Activation(hidden), fnn.Dense(3), fnn.Activation(ending)]
    else:
        layers = [fnn.Dense(5, activation=hidden), fnn.Dense(3, activation=ending)]
    net = randomized(fnn.Sequential(layers, input_shape=(4,), seed=1).compile(fnn.SGD(0.0), loss))
    x = blobs(11)[0]
    check_gradients(net, loss, x, target(loss, 11, 3), logits=ending == "identity")


@pytest.mark.parametrize(
    "layers",
    [
        [fnn.Flatten(), fnn.Dense(4, activation="tanh"), fnn.Dropout(0), fnn.Dense(3)],
        [fnn.Activation("tanh"), fnn.Flatten(), fnn.Dense(3, bias=False)],
        [fnn.Flatten(), fnn.Dense(4, activation="softmax"), fnn.Flatten(), fnn.Dense(3)],
        [
            fnn.Flatten(),
            fnn.Dense(4, activation="relu"),
            fnn.Activation("sigmoid"),
            fnn.Activation("tanh"),
            fnn.Dense(3),
        ],
        [fnn.Flatten(), fnn.Dense(4, activation="tanh"), fnn.Flatten(), fnn.Activation("sigmoid"), fnn.Dense(3)],
        [fnn.Flatten(), fnn.Dense(3, activation="sigmoid"), fnn.Activation("identity")],
        [fnn.Flatten(), fnn.Dense(3, activation="tanh"), fnn.Activation("softmax")],
        [fnn.Flatten(), fnn.Dense(3, activation="tanh"), fnn.Dropout(0.0)],
    ],
    ids=lambda layers: " ".join(repr(layer) for layer in layers),
)
def test_gradients_of_chains(layers: list[fnn.Layer]) -> None:
    """Layers in every order, on images."""
    net = randomized(fnn.Sequential(layers, input_shape=(2, 3), seed=2).compile(fnn.SGD(0.0), "mse"))
    x = np.random.default_rng(1).standard_normal((7, 2, 3)).astype(np.float32)
    check_gradients(net, "mse", x, target("mse", 7, 3), logits=False)


def test_names() -> None:
    """The class in snake case and a counter for each class, or what the user says."""
    layers = [
        fnn.Flatten(),
        fnn.Dense(5),
        fnn.Dense(4, name="head"),
        fnn.Activation("relu"),
        fnn.Dropout(0.1),
        fnn.Dense(3),
    ]
    net = fnn.Sequential(layers, input_shape=(2, 2))
    assert [name for name, _ in net.named_layers()] == [
        "flatten_0",
        "dense_0",
        "head",
        "activation_0",
        "dropout_0",
        "dense_2",
    ]
    assert list(net.weights) == [f"{n}.{p}" for n in ("dense_0", "head", "dense_2") for p in ("weight", "bias")]
    with pytest.raises(ValueError, match="head"):
        fnn.Sequential([fnn.Dense(3, name="head"), fnn.Dense(3, name="head")])


def test_three_ways_to_build() -> None:
    """input_shape, build and the first data give the same network; a second build of another shape is refused."""
    x, y = blobs()
    layers = [fnn.Dense(8, activation="relu"), fnn.Dense(3, activation="softmax")]
    nets = [classifier()] + [fnn.Sequential(layers, seed=0) for _ in range(3)]
    assert nets[1].build((4,)) is nets[1]
    assert nets[2].compile() is nets[2]
    nets[2].predict(x)
    nets[3].compile().fit(x, y, verbose=0)
    nets[2].fit(x, y, verbose=0)
    for a, b in ((0, 1), (2, 3)):
        np.testing.assert_array_equal(nets[a].parameters, nets[b].parameters)
    assert nets[1].build([4]).input_shape == (4,) and nets[1].output_shape == (3,)
    before = state(nets[1])
    with pytest.raises(ValueError, match=r"\(4,\).*\(5,\)"):
        nets[1].build((5,))
    assert state(nets[1]) == before


def test_seeds() -> None:
    """One seed, one network; None draws one and records it."""
    make = lambda seed: fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=seed)  # noqa: E731
    np.testing.assert_array_equal(make(3).parameters, make(3).parameters)
    assert (make(3).parameters != make(4).parameters).any()
    drawn, other = make(None), make(None)
    assert drawn.seed != other.seed and isinstance(drawn.seed, int)
    np.testing.assert_array_equal(drawn.parameters, make(drawn.seed).parameters)
    assert make(2**64 - 1).seed == 2**64 - 1
    assert (make(2**64 - 1).parameters != make(2**64 - 2).parameters).any()


def test_compile() -> None:
    """Strings and objects; it returns the network, resets the slots, and keeps a copy of the optimizer's settings."""
    net, (x, y) = classifier("adam"), blobs()
    net.train_on_batch(x, y)
    assert set(net.slots) == {"m", "v"} and net.slots["m"].array.any() and net.counters.update == 1
    weights = net.parameters.copy()
    assert net.compile("adam", "cross_entropy") is net
    assert not net.slots["m"].array.any() and net.counters.update == 0
    np.testing.assert_array_equal(net.parameters, weights)
    assert isinstance(net.compile("sgd").optimizer, fnn.SGD) and not net.slots
    assert isinstance(net.compile("AdamW").optimizer, fnn.AdamW)
    shared = fnn.SGD(0.5)
    net.compile(shared)
    shared.learning_rate = 7.0
    assert net.optimizer is not None and net.optimizer.learning_rate == 0.5
    net.optimizer.learning_rate = 0.0
    weights = net.parameters.copy()
    net.train_on_batch(x, y)
    np.testing.assert_array_equal(net.parameters, weights)


def test_weights() -> None:
    """Writable views under stable names; both ways to assign count at once."""
    net, (x, y) = classifier(), blobs()
    assert {name: view.shape for name, view in net.weights.items()} == {
        "dense_0.weight": (4, 8),
        "dense_0.bias": (8,),
        "dense_1.weight": (8, 3),
        "dense_1.bias": (3,),
    }
    for warm in (lambda: None, lambda: net.predict(x), lambda: net.train_on_batch(x, y), lambda: net.evaluate(x, y)):
        for assign in (net.weights.__setitem__, lambda name, a: net.weights[name].__setitem__(..., a)):
            warm()
            for name, view in net.weights.items():
                assign(name, np.zeros(view.shape, np.float64))
            assign("dense_1.bias", [0.0, math.log(2), 0.0])
            np.testing.assert_allclose(net.predict(x), np.tile([0.25, 0.5, 0.25], (len(x), 1)), rtol=1e-6)
            assert (net.classify(x) == 1).all()
            assert net.evaluate(x, y)["accuracy"] == pytest.approx((y == 1).mean())
    assert net.weights["dense_0.bias"].flags.writeable and net.weights["dense_0.bias"].dtype == np.float32
    assert np.shares_memory(net.weights["dense_1.weight"], net.parameters)
    with pytest.raises(KeyError, match=r"dense_9.*dense_0\.weight"):
        net.weights["dense_9.weight"]
    for wrong in (np.zeros((8, 4)), np.zeros(4), 0.0, np.zeros((4, 8, 1))):
        with pytest.raises(ValueError, match=re.escape("dense_0.weight") + r".*\(4, 8\)"):
            net.weights["dense_0.weight"] = wrong
    with pytest.raises((TypeError, AttributeError)):
        del net.weights["dense_0.weight"]  # type: ignore[attr-defined]


def test_views_outlive_the_network() -> None:
    """A view keeps its memory."""
    view = classifier().weights["dense_0.weight"]
    copy = view.copy()
    _ = [np.full(view.size, 7, np.float32) for _ in range(50)]
    np.testing.assert_array_equal(view, copy)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", fnn.SGD(0.1, momentum=0.9)], ids=str)
def test_parameters_are_one_block(optimizer: Any) -> None:
    """1-D, aligned to 64 bytes, zero between the tensors also after training; gradients and slots likewise."""
    net, (x, y) = classifier(optimizer, hidden=5), blobs()
    net.fit(x, y, batch_size=16, epochs=3, verbose=0)
    assert net.parameters.ndim == 1 and net.parameters.dtype == np.float32
    used = np.zeros(len(net.parameters), bool)
    for view in net.weights.values():
        offset = view.ctypes.data - net.parameters.ctypes.data
        assert offset % 64 == 0 and view.ctypes.data % 64 == 0
        used[offset // 4 : offset // 4 + view.size] = True
    assert not used.all(), "these shapes need padding"
    for block in (net.parameters, net.blocks.own.gradients.array, *(slot.array for slot in net.slots.values())):
        assert not block[~used].any() and block[used].any()


def test_plan_and_profile() -> None:
    """The plan prints its ops; profiling times each and puts parameters, slots and gradients back."""
    net, (x, y) = classifier(), blobs()
    net.train_on_batch(x, y)
    before = state(net)
    for training in (False, True):
        plan = net.plan(batch_size=32, training=training)
        profile = plan.profile(repeats=3)
        assert len(profile.ops) == len(plan.ops) and profile.rows == plan.capacity == 32
        assert all(op.seconds >= 0 for op in profile.ops) and profile.seconds > 0
        assert "GFLOP/s" in str(profile) and "Dense" in str(profile) and "dense_1" in repr(plan)
    assert ("Adam" in repr(plan)) and state(net) == before
    flops = sum(op.flops for op in profile.ops if "Dense" in op.op)
    assert flops == 2 * 32 * (2 * 4 * 8 + 3 * 8 * 3)


def test_summary(capsys: pytest.CaptureFixture[str]) -> None:
    """Layers, output shapes, counts and memory, before and after the build."""
    net = fnn.Sequential([fnn.Flatten(), fnn.Dense(10, activation="relu", name="head"), fnn.Dropout(0.25)])
    assert "head" in str(net) and "not built" in str(net)
    net.build((8, 8))
    net.summary()
    text = capsys.readouterr().out
    assert text.strip() == str(net)
    for part in ("flatten_0", "head", "Dropout(0.25)", "(batch, 8, 8)", "(batch, 64)", "(batch, 10)", "650", "MB"):
        assert part in text
    assert repr(net) == "Sequential(Flatten(), Dense(10, activation='relu'), Dropout(0.25))"
    assert regression().evaluate(*[np.zeros((2, 4)), np.zeros(2)]).keys() == {"loss", "mae"}
