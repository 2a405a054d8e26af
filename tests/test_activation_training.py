"""Activations in networks: what is kept for the derivative, initial weights, the end of a network, eager use."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference
from check import assert_same_bits, normal
from fastnn import kernels
from fastnn.layers.activation import LAYER_ACTIVATIONS
from networks import blobs, training_state

every_activation = pytest.mark.parametrize("activation", LAYER_ACTIVATIONS)
SMOOTH = [name for name in LAYER_ACTIVATIONS if name != "step"]


def network(activation: str, **options: object) -> fnn.Sequential:
    """The activation in a product, on its own twice, behind another activation, and at the end."""
    layers = [
        fnn.Dense(8, activation=activation),
        fnn.Dense(7),
        fnn.Activation(activation),
        fnn.Dense(6, activation="tanh"),
        fnn.Activation(activation),
        fnn.Dense(3, activation=activation),
    ]
    return fnn.Sequential(layers, input_shape=(4,), seed=0, **options).compile(
        fnn.SGD(1e-6 if activation == "exp" else 0.05), "mse"
    )


@pytest.mark.parametrize("activation", SMOOTH)
def test_gradients(activation: str) -> None:
    """By finite differences; and the hidden layers do learn."""
    x, t = normal(30, 4), normal(30, 3, start=1)
    net = network(activation)
    for name, view in net.weights.items():
        if name.endswith("bias"):  # or samples that are all zero would be at the kink itself
            view[...] = normal(len(view)) / 10
    fnn.check_gradients(net, x, t)
    before = net.weights["dense_0.weight"].copy()
    net.fit(x, t, epochs=2, verbose=0)
    assert (net.weights["dense_0.weight"] != before).any()


def test_nothing_learns_through_a_step() -> None:
    net = network("step")
    _, gradients = net.gradient(normal(30, 4), normal(30, 3, start=1))
    assert not any(gradient.any() for gradient in gradients.values())


@every_activation
def test_predict_is_the_formula(activation: str) -> None:
    net = fnn.Sequential([fnn.Dense(9, activation=activation)], input_shape=(4,), seed=0)
    x = normal(21, 4)
    z = x.astype(np.float64) @ net.weights["dense_0.weight"]
    rows = {"softmax": reference.Softmax, "log_softmax": reference.LogSoftmax}
    wanted = rows[activation](z) if activation in rows else reference.Activation(z, activation)
    np.testing.assert_allclose(net.predict(x), wanted, rtol=1e-5, atol=2e-6)
    apart = fnn.Sequential([fnn.Dense(9), fnn.Activation(activation)], input_shape=(4,), seed=0)
    apart.weights["dense_0.weight"] = net.weights["dense_0.weight"]
    assert_same_bits(apart.predict(x), net.predict(x))
    assert_same_bits(net.freeze(21)(x), net.predict(x))


@every_activation
def test_files(tmp_path: Path, activation: str) -> None:
    net, x, t = network(activation), normal(30, 4), normal(30, 3, start=1)
    net.fit(x, t, verbose=0)
    net.save(tmp_path / "net.safetensors")
    again = fnn.load(tmp_path / "net.safetensors")
    assert_same_bits(again.predict(x), net.predict(x))
    for each in (net, again):
        each.fit(x, t, verbose=0)
    assert training_state(again) == training_state(net)


@pytest.mark.parametrize("activation", kernels.ACTIVATIONS)
def test_what_is_kept(activation: str) -> None:
    """The input of an activation is kept in training alone, and where the derivative is computed from it."""
    net = fnn.Sequential([fnn.Dense(8, activation=activation), fnn.Dense(3)], (4,), 0).compile("sgd", "mse")

    def tensors(training: bool) -> int:
        op = next(op for op in net.plan(5, training=training).ops if isinstance(op, kernels.Dense))
        return sum(tensor is not None for tensor in op.tensors)

    assert tensors(training=False) == 4
    assert tensors(training=True) == (5 if activation in kernels.DERIVED_FROM_INPUT else 4)


@pytest.mark.parametrize(
    ("activation", "initializer"),
    [
        *(
            (name, "he_normal")
            for name in ("relu", "relu6", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "hard_swish")
        ),
        ("selu", "lecun_normal"),
        *((name, "glorot_uniform") for name in ("softmax", "log_softmax")),
        *(
            (name, "glorot_uniform")
            for name in ("identity", "tanh", "softplus", "hard_tanh", "exp", "square", "absolute")
        ),
    ],
)
def test_initial_weights(activation: str, initializer: str) -> None:
    chosen = fnn.Dense(5, activation=activation).parameters((3,))["weight"].initializer
    assert chosen == initializer
    assert fnn.Dense(5, activation=activation, initializer="zeros").parameters((3,))["weight"].initializer == "zeros"


def test_log_softmax_before_cross_entropy() -> None:
    """The logits are taken, never a second softmax: training is that of softmax, bit by bit."""
    x, y = blobs()
    nets = {
        ending: fnn.Sequential([fnn.Dense(8, activation="relu"), fnn.Dense(3, activation=ending)], (4,), 0)
        for ending in ("identity", "softmax", "log_softmax")
    }
    for net in nets.values():
        net.compile("adam", "cross_entropy", ["accuracy"]).fit(x, y, epochs=3, verbose=0)
    for net in nets.values():
        assert_same_bits(net.parameters, nets["softmax"].parameters)
        assert net.evaluate(x, y) == nets["softmax"].evaluate(x, y)
        np.testing.assert_array_equal(net.classify(x), nets["softmax"].classify(x))
    logarithms = nets["log_softmax"].predict(x)
    np.testing.assert_allclose(np.exp(logarithms), nets["softmax"].predict(x), rtol=2e-6)
    ready = fnn.Sequential([fnn.Dense(3, activation="log_softmax")], input_shape=(4,), seed=0)
    np.testing.assert_array_equal(ready.classify(x), ready.predict(x).argmax(axis=1))
    with pytest.raises(ValueError, match="log_softmax followed by other layers"):
        layers = [fnn.Dense(3, activation="log_softmax"), fnn.Dropout(0.5)]
        fnn.Sequential(layers, (4,)).compile("adam", "cross_entropy").train_on_batch(x, y)
    with pytest.raises(ValueError, match="the output activation must be sigmoid"):
        fnn.Sequential([fnn.Dense(3, activation="log_softmax")], (4,)).compile("adam", "binary_cross_entropy")


@pytest.mark.parametrize("activation", LAYER_ACTIVATIONS)
def test_eager(activation: str) -> None:
    """fastnn.activations: float32 of the same shape, with the bits of a network; x is left alone."""
    function = getattr(fnn.activations, activation)
    assert repr(function) == f"fastnn.activations.{activation}" and function.__doc__
    x = normal(5, 3, 7)
    y = function(x)
    assert y.dtype == np.float32
    net = fnn.Sequential([fnn.Flatten(), fnn.Dense(7, bias=False), fnn.Activation(activation)], input_shape=(7,))
    net.weights["dense_0.weight"] = np.eye(7)
    assert_same_bits(y.reshape(15, 7), net.predict(x.reshape(15, 7)))
    assert_same_bits(function(x.astype(np.float64).tolist()), y)
    assert function(np.zeros((0, 7))).shape == (0, 7)
    with pytest.raises(TypeError, match="x: expected an array of real numbers"):
        function(["one"])


@pytest.mark.parametrize("activation", kernels.ACTIVATIONS)
def test_eager_derivative(activation: str) -> None:
    function, x = getattr(fnn.activations, activation), normal(5, 3, 7)
    source = reference.slope_source(x, activation)
    wanted = reference.ActivationGradient(source, np.ones_like(source), activation)
    np.testing.assert_allclose(function.derivative(x), wanted, rtol=1e-5, atol=1e-6)
    assert function(0.5).shape == function.derivative(0.5).shape == ()


def test_eager_softmax_needs_an_axis() -> None:
    with pytest.raises(ValueError, match=r"softmax: expected an array \(..., classes\), got a single number"):
        fnn.activations.softmax(1.0)


def test_unknown_activations() -> None:
    for layer in (fnn.Activation, lambda name: fnn.Dense(3, activation=name)):
        with pytest.raises(ValueError, match=r"unknown activation 'swoosh'; known: identity, .*silu.* log_softmax"):
            layer("swoosh")
        with pytest.raises(ValueError, match=r"prelu has slopes to learn: add the layer PReLU\(\)"):
            layer("prelu")


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "gelu", "mish"])
@pytest.mark.parametrize(
    "make",
    [
        lambda n, **options: fnn.Dense(n, **options),
        lambda n, **options: fnn.Conv2D(n, 3, padding="same", **options),
        lambda n, **options: fnn.Conv2DTranspose(n, 3, 2, padding="same", **options),
        lambda n, **options: fnn.Conv2D(2 * n, 3, groups=2, **options),
        lambda n, **options: fnn.DepthwiseConv2D(3, multiplier=n, **options),
    ],
    ids=["Dense", "Conv2D", "Conv2DTranspose", "groups", "Depthwise"],
)
def test_narrow_outputs(make: Any, activation: str) -> None:
    """The same bits as in a network whose layer and activation are kept apart by a factor of 1, on any threads."""
    for n in range(1, 18):
        layers = [[make(n, activation=activation)], [make(n), fnn.Rescale(1.0), fnn.Activation(activation)]]
        found = []
        for chain in layers:
            net = fnn.Sequential([fnn.Dense(4, "tanh"), *chain, fnn.Conv2D(2, 2)], (7, 6, 4), 0).compile("sgd", "mse")
            for name, view in net.weights.items():
                view[...] = normal(*view.shape, start=len(name))
            x = normal(5, 7, 6, 4)
            y = net.predict(x)
            with fnn.threads(1):
                assert_same_bits(net.predict(x), y)
            assert_same_bits(net.freeze(5)(x), y)
            dx, gradients = net.gradient(x, np.zeros_like(y))
            found.append([y, dx, *gradients.values()])
        for one, other in zip(*found, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6 * np.abs(other).max())
        assert_same_bits(found[0][0], found[1][0])


def test_the_activation_of_narrow_convolutions_is_a_pass() -> None:
    """And that of others is not."""

    def ops(filters: int, activation: str, training: bool = False) -> list[str]:
        layers = [fnn.Conv2DTranspose(filters, 3, 2, activation=activation), fnn.Flatten(), fnn.Dense(1)]
        net = fnn.Sequential(layers, (4, 4, 3), 0).compile("sgd", "mse")
        return [type(op).__name__ for op in net.plan(2, training=training).ops]

    assert ops(7, "relu").count("Activation") == ops(1, "gelu", training=True).count("Activation") == 1
    assert "Activation" not in ops(8, "relu") + ops(7, "identity")
