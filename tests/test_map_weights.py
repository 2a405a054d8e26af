"""Weights of the positions of maps, given or those of their classes; and what may end a network."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, assert_same_bits, generator, normal
from fastnn.data.class_weights import sample_weights
from fastnn.losses import CrossEntropy

LOSSES: dict[str, Any] = {
    "cross_entropy": fnn.losses.cross_entropy,
    "with settings": CrossEntropy(label_smoothing=0.1, class_weights=(1.0, 2.0, 0.5), ignore=1),
    "kl_divergence": fnn.losses.kl_divergence,
    "cosine": fnn.losses.cosine,
    "mse": fnn.losses.mse,
    "huber": fnn.losses.huber,
    "binary_cross_entropy": fnn.losses.binary_cross_entropy,
}
SHAPES = [(2, 3, 3), (7, 3), (61, 67, 3)]


def drawn(shape: tuple[int, ...], n: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, labels, and weights of the positions, half of them 0."""
    labels = generator(1).integers(0, shape[-1], (n, *shape[:-1]))
    weight = generator(2).random(labels.shape) * generator(3).integers(0, 2, labels.shape)
    return normal(n, *shape), labels, weight


def network(shape: tuple[int, ...], loss: Any, **settings: Any) -> fnn.Network:
    kind = fnn.Conv2D if len(shape) == 3 else fnn.Conv1D
    net = fnn.Sequential([kind(shape[-1], 3, padding="same")], input_shape=shape, seed=1)
    return net.compile(fnn.SGD(0.1), loss, **settings)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_of_positions(num_threads: int, name: str) -> None:
    """A position counts as much as the row that it would be; one of weight 0 not at all, whatever is there."""
    loss = LOSSES[name]
    for shape in SHAPES:
        x, labels, weight = drawn(shape)
        y = labels if loss.takes_labels else fnn.activations.softmax(normal(5, *shape, start=9))
        targets = y.reshape(-1) if loss.takes_labels else y.reshape(-1, shape[-1])
        wanted, gradient = loss(x.reshape(-1, shape[-1]), targets, weight.reshape(-1))
        found, dy = loss(np.where(weight[..., None] > 0, x, np.nan), y, weight)
        assert found == pytest.approx(wanted, rel=1e-6)
        assert_close(dy.reshape(gradient.shape), gradient, tolerance=1e-6)
        net = network(shape, loss)
        outputs = net.predict(x).reshape(-1, shape[-1])
        wanted, _ = loss(outputs, targets, weight.reshape(-1))
        assert net.evaluate(x, y, sample_weight=weight)["loss"] == pytest.approx(wanted, rel=1e-5)
        assert net.train_on_batch(x, y, weight) == pytest.approx(wanted, rel=1e-5)


def test_metrics_of_weighted_positions(num_threads: int) -> None:
    """They are means by the weights, over batches of any size."""
    for shape in SHAPES:
        x, labels, weight = drawn(shape)
        y = np.eye(3, dtype=np.float32)[labels]
        for loss in ("cross_entropy", "mse"):
            net = network(shape, loss, metrics=["accuracy", "mae", "mse", "rmse"] if loss != "mse" else ["mae", "rmse"])
            p = net.predict(x)
            figures = net.evaluate(x, y, 2, weight)
            wanted = {
                "accuracy": p.argmax(axis=-1) == labels,
                "mae": np.abs(p - y).mean(axis=-1),
                "mse": ((p - y) ** 2).mean(axis=-1),
            }
            means = {key: (each * weight).sum() / weight.sum() for key, each in wanted.items()}
            means["rmse"] = np.sqrt(means["mse"])
            means["loss"] = means["mse"] if loss == "mse" else figures["loss"]
            assert figures == pytest.approx({key: means[key] for key in figures}, rel=1e-5)


def test_a_weight_of_0_is_a_label_to_ignore() -> None:
    """The same steps, to the bit, at any number of threads."""
    x, labels, weight = drawn((61, 67, 3))
    kept = (weight > 0).astype(np.float32)
    results = []
    for threads in (1, 2):
        with fnn.threads(threads):
            net = network(x.shape[1:], "cross_entropy")
            net.fit(x, labels, 2, epochs=2, sample_weight=kept, verbose=0)
            twin = network(x.shape[1:], CrossEntropy(ignore=-1))
            twin.fit(x, np.where(kept > 0, labels, -1), 2, epochs=2, verbose=0)
            results += [net.parameters, twin.parameters]
    for found in results[1:]:
        assert_same_bits(found, results[0])


def test_weights_of_classes() -> None:
    """Each position counts as its class does, times its own weight or its sample's."""
    x, labels, weight = drawn((6, 5, 3))
    by_class = np.array([2.0, 1.0, 0.25])
    net, twin = network((6, 5, 3), "cross_entropy"), network((6, 5, 3), CrossEntropy(class_weights=(2.0, 1.0, 0.25)))
    net.fit(x, labels, epochs=3, class_weight={0: 2.0, 2: 0.25}, verbose=0)
    twin.fit(x, labels, epochs=3, verbose=0)
    assert_close(net.parameters, twin.parameters, tolerance=1e-6)
    for y in (labels, np.eye(3)[labels]):
        for given in (weight, weight[:, 0, 0]):
            found = sample_weights(net.examples(x, y, given), 0, net.shapes[0], {0: 2.0, 2: 0.25})
            np.testing.assert_allclose(found, by_class[labels] * given.reshape(5, *given.shape[1:] or (1, 1)))
    shares = np.bincount(labels.reshape(-1)) / labels.size
    np.testing.assert_allclose(
        sample_weights(net.examples(x, labels), 0, net.shapes[0], "balanced"), 1 / (3 * shares)[labels]
    )


def test_masks() -> None:
    """One probability a position: targets with or without the channel, and what classify gives, are the same."""
    x = normal(9, 6, 5, 1)
    mask = (x > 0.3)[..., 0]
    net = fnn.Sequential([fnn.Conv2D(1, 3, padding="same", activation="sigmoid")], input_shape=(6, 5, 1), seed=0)
    net.compile("adam", "binary_cross_entropy", metrics=["accuracy"])
    assert net.evaluate(x, mask) == net.evaluate(x, mask[..., None].astype(np.float32))
    assert net.evaluate(x, net.classify(x))["accuracy"] == 1
    by_class = sample_weights(net.examples(x, mask), 0, net.shapes[0], "balanced")
    assert by_class.shape == mask.shape
    assert by_class[mask].sum() == pytest.approx(by_class[~mask].sum())
    with pytest.raises(ValueError, match=r"y: expected values \(batch, 6, 5, 1\), got \(9, 5, 6\)"):
        net.evaluate(x, mask.transpose(0, 2, 1))


def test_bad_weights() -> None:
    x, labels, weight = drawn((2, 3, 3))
    net = network((2, 3, 3), "cross_entropy")
    for wrong in (weight[:, 0], weight.reshape(-1), weight[..., None], weight[:4]):
        with pytest.raises(ValueError, match=r"sample_weight: expected \(5,\).*or \(5, 2, 3\), one for each position"):
            net.fit(x, labels, sample_weight=wrong, verbose=0)
        with pytest.raises(ValueError, match=r"sample_weight: expected \(5,\)"):
            fnn.losses.cross_entropy(x, labels, wrong)
    weight[3, 1, 2] = -1
    with pytest.raises(ValueError, match=r"sample_weight\[3, 1, 2\] is -1; expected a number >= 0"):
        net.fit(x, labels, sample_weight=weight, verbose=0)
    symbol = fnn.Input((2, 3, 3))
    maps = fnn.Conv2D(3, 1, name="map")(symbol)
    several = fnn.Network(symbol, [maps, fnn.GlobalAvgPool(name="whole")(maps)], seed=0).compile()
    y = {"map": labels, "whole": labels[:, 0, 0]}
    assert np.isfinite(several.evaluate(x, y, sample_weight=np.ones(5))["loss"])
    with pytest.raises(ValueError, match=r"sample_weight\['whole'\]: expected \(5,\), a weight for each sample, got"):
        several.evaluate(x, y, sample_weight=np.ones((5, 2, 3)))


def test_a_class_that_is_nan() -> None:
    x = drawn((2, 3, 3))[0]
    net = network((2, 3, 3), "cross_entropy")
    net.weights["conv2d_0.bias"][0] = np.nan
    with pytest.raises(ValueError, match=r"row 0 of a batch is NaN"):
        net.classify(x[:1])


#: Layers after an activation; whether a loss of logits still takes what came before it, or takes the result as logits.
AFTER: dict[str, tuple[fnn.Layer, str]] = {
    "reshape": (fnn.Reshape((-1, 3)), "fused"),
    "dropout": (fnn.Dropout(0), "fused"),
    "flatten": (fnn.Flatten(), "sigmoid"),
    "another last axis": (fnn.Reshape((3, -1)), "sigmoid"),
    "mean": (fnn.GlobalAvgPool(), "new"),
    "means": (fnn.AvgPool2D(2), "new"),
    "greatest": (fnn.GlobalMaxPool(), ""),
    "greatest of windows": (fnn.MaxPool2D(3, 1, "same"), ""),
    "larger": (fnn.UpSample2D(2), ""),
    "bilinear": (fnn.UpSample2D(2, "bilinear"), ""),
    "cropped": (fnn.Crop2D(1), ""),
    "bordered": (fnn.ZeroPad2D(1), ""),
}


@pytest.mark.parametrize("case", AFTER)
def test_what_may_end_a_network(case: str) -> None:
    """Probabilities are never taken for logits: the loss is that of the outputs, with its gradients, or refused."""
    layer, kind = AFTER[case]
    x = normal(4, 6, 6, 2)
    for activation in (None, "softmax", "log_softmax", "sigmoid", "relu", "tanh"):
        net = fnn.Sequential([fnn.Conv2D(3, 3, activation=activation), layer], input_shape=(6, 6, 2), seed=1)
        outputs = net.predict(x).astype(np.float64)
        t = fnn.activations.softmax(normal(*outputs.shape, start=3)).astype(np.float64)
        net.compile("sgd", "mse")
        fnn.check_gradients(net, x, t)
        for loss, endings in (("cross_entropy", ("softmax", "log_softmax")), ("binary_cross_entropy", ("sigmoid",))):
            fused = activation in endings and kind in ("fused", activation)
            if not (fused or activation is None or (kind == "new" and activation in ("relu", "tanh"))):
                with pytest.raises(ValueError, match=f"{loss}: the output activation must be .*got {activation}"):
                    net.compile("sgd", loss)
                continue
            net.compile("sgd", loss)
            fnn.check_gradients(net, x, t)
            if loss == "cross_entropy":
                p = outputs if fused and activation == "softmax" else np.exp(outputs)
                wanted = -(t * np.log(p / p.sum(axis=-1, keepdims=True))).sum(axis=-1).mean()
            else:
                p = outputs if fused else 1 / (1 + np.exp(-outputs))
                wanted = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
            assert net.evaluate(x, t)["loss"] == pytest.approx(wanted, rel=1e-4)
