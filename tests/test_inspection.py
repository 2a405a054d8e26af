"""What layers give, and Grad-CAM: against formulas where the rest is linear, and central differences elsewhere."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, normal
from fastnn.architectures import resnet, unet
from fastnn.inspection import Steps, grad_cam, gradient_over_time, layers, outputs
from networks import state


def trained(*chain: fnn.Layer, classes: int = 4) -> fnn.Sequential:
    """On noise, so that running statistics are not what they began as."""
    net = fnn.Sequential([*chain, fnn.Dense(classes, "softmax")], input_shape=(9, 8, 2), seed=3)
    net.compile(fnn.Adam(0.02), "cross_entropy")
    net.fit(normal(16, 9, 8, 2), np.arange(16) % classes, 8, epochs=3, verbose=0)
    return net


def test_layers_and_their_outputs() -> None:
    inner = resnet((9, 8, 2), 4, depth=8, width=4, seed=0)
    net = fnn.Sequential([fnn.RandomFlip(), inner], input_shape=(9, 8, 2), seed=0)
    found = layers(net)
    assert found["random_flip_0"] == (9, 8, 2) and found["network_0.dense_0"] == (4,)
    assert found["network_0.conv2d_2"] == (9, 8, 4) and len(found) == 1 + len(inner.graph.nodes)
    x = normal(3, 9, 8, 2)
    assert_close(outputs(net, "network_0.dense_0", x), net.predict(x), tolerance=1e-6)
    maps = outputs(net, "network_0.conv2d_0", x)
    alone = fnn.Sequential([fnn.Conv2D(4, 3, padding="same", bias=False)], input_shape=(9, 8, 2))
    alone.weights["conv2d_0.weight"] = inner.weights["conv2d_0.weight"]
    assert_close(maps, alone.predict(x), tolerance=1e-6)


def test_outputs_of_a_network_with_two_inputs() -> None:
    a, b = fnn.Input((3,), "a"), fnn.Input((2,), "b")
    first, second = fnn.Dense(4, "tanh", name="first")(a), fnn.Dense(4, name="second")(b)
    net = fnn.Network([a, b], fnn.Add(name="sum")([first, second]), seed=0)
    x = {"a": normal(5, 3), "b": normal(5, 2)}
    assert_close(outputs(net, "sum", x), net.predict(x), tolerance=1e-6)
    weight, bias = net.weights["second.weight"], net.weights["second.bias"]
    assert_close(outputs(net, "second", x), x["b"] @ weight + bias, tolerance=1e-6)


def enlarged(heat: np.ndarray, height: int, width: int) -> np.ndarray:
    """Linearly between the middles of the cells."""
    rows, columns = ((np.arange(n) + 0.5) * m / n - 0.5 for n, m in zip((height, width), heat.shape, strict=True))
    across = np.array([np.interp(columns, np.arange(heat.shape[1]), line) for line in heat])
    return np.array([np.interp(rows, np.arange(heat.shape[0]), line) for line in across.T]).T


def expected(maps: np.ndarray, gradient: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    heat = enlarged(np.maximum((maps * gradient.mean(axis=(0, 1))).sum(axis=-1), 0), *size)
    return np.asarray(heat / heat.max())


@pytest.mark.parametrize("label", [None, 0, 3])
def test_the_rest_is_linear(label: int | None) -> None:
    """The score is a product with the flat maps: its gradient is the class's column."""
    net = trained(fnn.Conv2D(5, 3, activation="relu"), fnn.Dropout(0.5), fnn.Flatten())
    picture = normal(9, 8, 2)
    number = int(net.classify(picture[None])[0]) if label is None else label
    gradient = net.weights["dense_0.weight"][:, number].reshape(7, 6, 5)
    maps = outputs(net, "conv2d_0", picture[None])[0]
    assert_close(grad_cam(net, picture, label), expected(maps, gradient, (9, 8)), tolerance=1e-5)


def differences(net: fnn.Network, name: str, picture: np.ndarray, label: int) -> np.ndarray:
    """The gradient of the score before the softmax with respect to a layer's maps, up to a number for all of them."""
    steps = Steps(net)
    rest = steps.part([steps.place(name)], steps.outputs[0])
    maps = outputs(net, name, picture[None])
    gradient = np.empty_like(maps[0])
    for i in np.ndindex(*gradient.shape):
        moved = np.repeat(maps, 2, axis=0)
        moved[0][i] += 1e-2
        moved[1][i] -= 1e-2
        p = np.log(rest.predict(moved).astype(np.float64))
        logits = p[:, label] - np.delete(p, label, axis=1).mean(axis=1)  # without what the softmax subtracts from all
        gradient[i] = (logits[0] - logits[1]) / 2e-2
    return gradient


def test_batch_norm_and_sub_networks() -> None:
    """As it predicts, though it is a training pass: running statistics, no augmentation."""
    inner = resnet((9, 8, 2), 2, depth=8, width=4, seed=0)
    net = fnn.Sequential([fnn.RandomShift(2), inner], input_shape=(9, 8, 2), seed=0)
    net.compile(fnn.Adam(0.02), "cross_entropy")
    net.fit(normal(16, 9, 8, 2), np.arange(16) % 2, 8, epochs=3, verbose=0)
    picture, before = normal(9, 8, 2), net.parameters.copy()
    last = [name for name, shape in layers(net).items() if len(shape) == 3][-1]
    # Of two classes, the score of one moves against the other's by what both logits do.
    gradient = differences(net, last, picture, 1)
    steps = Steps(net)
    weight = next(step for step in steps.steps if step.name.endswith("dense_0")).weights["weight"]
    assert_close(gradient.mean(axis=(0, 1)), (weight[:, 1] - weight[:, 0]) / (3 * 2), tolerance=2e-3)
    maps = outputs(net, last, picture[None])[0]
    slope = np.broadcast_to(weight[:, 1] / 6, (3, 2, 16))
    assert_close(grad_cam(net, picture, 1), expected(maps, slope, (9, 8)), tolerance=1e-4)
    inside = grad_cam(net, picture, 1, "network_0.conv2d_1")  # in a residual block: its input goes past it
    assert inside.shape == (9, 8) and inside.min() >= 0 and inside.max() == pytest.approx(1)
    assert (net.parameters == before).all()


def test_one_output() -> None:
    layers = [fnn.Conv2D(4, 3, activation="tanh"), fnn.GlobalAvgPool(), fnn.Dense(1, "sigmoid")]
    net = fnn.Sequential(layers, input_shape=(9, 8, 2), seed=1)
    picture = normal(9, 8, 2)
    weight, maps = net.weights["dense_0.weight"][:, 0], outputs(net, "conv2d_0", picture[None])[0]
    for label, sign in ((1, 1), (0, -1)):
        gradient = np.broadcast_to(sign * weight / 42, maps.shape)
        assert_close(grad_cam(net, picture, label), expected(maps, gradient, (9, 8)), tolerance=1e-5)


@pytest.mark.parametrize(
    "last",
    [fnn.GLU("sigmoid"), fnn.TransformerEncoderBlock(1, 4, "sigmoid"), fnn.SimpleRNN(1, activation="sigmoid")],
)
def test_an_activation_inside_a_layer_is_no_output_activation(last: fnn.Layer) -> None:
    """Scores are what comes before the activation that is applied last; a gate, say, is a part of them."""
    sequence = not isinstance(last, fnn.GLU)
    net = fnn.Sequential([last], input_shape=(3, 2) if sequence else (2,), seed=0)
    steps, x = Steps(net), normal(4, 3, 2) if sequence else normal(4, 2)
    scores = steps.part([0], steps.outputs[0], scores=True)
    np.testing.assert_array_equal(scores.predict(x), net.predict(x))


def test_a_shared_activation_stays_where_it_does_not_end_the_network() -> None:
    """Only the last place of the sigmoid is left out: the same as with two of them."""
    heats = []
    for shared in (True, False):
        first = fnn.Activation("sigmoid")
        x = fnn.Input((9, 8, 2))
        h = fnn.Dense(6)(fnn.Flatten()(fnn.Conv2D(3, 3)(x)))
        net = fnn.Network(x, (first if shared else fnn.Activation("sigmoid"))(fnn.Dense(1)(first(h))), seed=0)
        net.weights["dense_1.bias"][...] = 200  # where the slope of the last sigmoid is 0
        heats.append(grad_cam(net, normal(9, 8, 2) * 9, 1, "conv2d_0"))
    assert_close(heats[0], heats[1], tolerance=1e-6)
    assert heats[0].max() == 1


def dense() -> fnn.Network:
    return fnn.Sequential([fnn.Flatten(), fnn.Dense(3)], input_shape=(9, 8, 2), seed=0)


def small() -> fnn.Network:
    layers = [fnn.Conv2D(4, 3), fnn.Flatten(), fnn.Dense(3)]
    return fnn.Sequential(layers, input_shape=(9, 8, 2), seed=0)


BAD: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "no maps": (dense, {}, ValueError, "grad_cam: no layer has feature maps"),
    "a map for each pixel": (lambda: unet((8, 8, 2)), {}, ValueError, r"must map an image .* to \(classes,\)"),
    "an unknown layer": (small, {"layer": "conv2d_7"}, ValueError, "unknown layer 'conv2d_7'; known: conv2d_0"),
    "a flat layer": (small, {"layer": "flatten_0"}, ValueError, r"flatten_0 gives \(168,\), expected feature maps"),
    "an unknown label": (small, {"label": 3}, ValueError, "label must be an integer from 0 to 2"),
    "another size": (small, {"picture": (8, 8, 2)}, ValueError, r"expected an image \(9, 8, 2\), got \(8, 8, 2\)$"),
    "a batch": (small, {"picture": (1, 9, 8, 2)}, ValueError, r"got \(1, 9, 8, 2\); give picture\[0\]"),
    "channels first": (small, {"picture": (2, 9, 8)}, ValueError, r"give picture.transpose\(1, 2, 0\)"),
    "not built": (lambda: fnn.Sequential([fnn.Dense(3)]), {}, RuntimeError, "is not built"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    make, settings, error, message = BAD[case]
    picture = normal(*settings.pop("picture", (9, 8, 2)))
    with pytest.raises(error, match=message):
        grad_cam(make(), picture, **settings)


def test_a_picture_without_its_one_channel_or_with_a_pixel_that_is_none() -> None:
    net = fnn.Sequential([fnn.Conv2D(4, 3), fnn.GlobalAvgPool()], input_shape=(9, 8, 1), seed=0)
    picture = normal(9, 8, 1)
    with pytest.raises(ValueError, match=r"got \(9, 8\); give picture\[..., None\]"):
        grad_cam(net, picture[..., 0])
    with pytest.raises(ValueError, match="grad_cam: the image has pixels that are not finite"):
        grad_cam(net, np.where(picture == picture[3, 4], np.nan, picture))
    with pytest.raises(TypeError, match="grad_cam: picture: expected an array of real numbers"):
        grad_cam(net, "cat.png")


def test_gradient_over_time_of_a_linear_recurrence() -> None:
    """h_t = w x_t + u h_{t-1}, the loss (h_T - y)^2: its gradient at t is 2 (h_T - y) w u^(T - t)."""
    net = fnn.Sequential([fnn.SimpleRNN(1, activation="identity")], input_shape=(12, 1), seed=0).compile("adam", "mse")
    x, y = normal(5, 12, 1), normal(5, 1)
    for u in (0.5, 1.5):
        net.weights["simple_rnn_0.weight"] = [[0.7]]
        net.weights["simple_rnn_0.recurrent_weight"] = [[u]]
        powers = u ** np.arange(11.0, -1, -1)
        last = 0.7 * (x[..., 0] @ powers)
        wanted = np.abs(2 * (last - y[:, 0])).mean() * 0.7 * powers
        found = gradient_over_time(net, x, y)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_gradient_over_time_is_a_mean_over_sequences() -> None:
    """Of one sequence twice it is that of one, with targets at each step too; the network stays as it was."""
    net = fnn.Sequential([fnn.LSTM(6, return_sequences=True), fnn.Dense(3, "softmax")], input_shape=(7, 2), seed=0)
    net.compile("adam", "cross_entropy")
    x, y = normal(4, 7, 2), np.arange(28).reshape(4, 7) % 3
    before = state(net)
    each = [gradient_over_time(net, x[i : i + 1], y[i : i + 1]) for i in range(4)]
    np.testing.assert_allclose(gradient_over_time(net, x, y), np.mean(each, axis=0), rtol=1e-5)
    assert state(net) == before
    loss = net.gradient(x[:1], y[:1])[0][0]
    np.testing.assert_allclose(each[0], np.sqrt((loss.astype(float) ** 2).sum(axis=1)), rtol=1e-6)


def test_gradient_over_time_needs_one_sequence_of_numbers() -> None:
    a, b = fnn.Input((3, 2), "a"), fnn.Input((3, 2), "b")
    two = fnn.Network([a, b], fnn.LSTM(2)(fnn.Add()([a, b])), seed=0).compile("adam", "mse")
    ids = fnn.Sequential([fnn.Embedding(4, 2), fnn.LSTM(2)], input_shape=(3,), seed=0).compile("adam", "mse")
    flat = fnn.Sequential([fnn.Dense(2)], input_shape=(3,), seed=0).compile("adam", "mse")
    x = normal(1, 3, 2)
    for net, given in ((two, [x, x]), (ids, np.zeros((1, 3), int)), (flat, x[..., 0])):
        with pytest.raises(ValueError, match=r"one input of numbers \(batch, time, features\)"):
            gradient_over_time(net, given, np.zeros((1, 2)))
    with pytest.raises(RuntimeError, match="compile"):
        gradient_over_time(fnn.Sequential([fnn.LSTM(2)], input_shape=(3, 2)), x, np.zeros((1, 2)))
