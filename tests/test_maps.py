"""Outputs that are maps: a softmax, its loss and its classes at each position, against PyTorch and per-row twins."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, assert_same_bits, generator, normal
from fastnn.losses import CrossEntropy, KLDivergence

SHAPES = [(2, 3, 5), (7, 4), (9, 6, 2), (1, 1, 3), (13, 17)]


def network(shape: tuple[int, ...], last: str | None, loss: Any, **settings: Any) -> fnn.Network:
    """A network whose output has the shape of its input."""
    kind = fnn.Conv2D if len(shape) == 3 else fnn.Conv1D
    layers = [kind(shape[-1], 3, padding="same", activation="tanh"), kind(shape[-1], 1, activation=last)]
    return fnn.Sequential(layers, input_shape=shape, seed=1).compile(fnn.Adam(0.01), loss, **settings)


def drawn(shape: tuple[int, ...], n: int = 11) -> tuple[np.ndarray, np.ndarray]:
    return normal(n, *shape), generator(1).integers(0, shape[-1], (n, *shape[:-1]))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_is_over_the_last_axis(num_threads: int, name: str) -> None:
    for shape in SHAPES:
        net, twin = network(shape, name, "mse"), network(shape, None, "mse")
        x = drawn(shape)[0]
        assert_same_bits(net.predict(x), getattr(fnn.activations, name)(twin.predict(x)))
        np.testing.assert_allclose(net.freeze(4)(x[:4]), net.predict(x[:4]), rtol=1e-6, atol=1e-6)
        if name == "softmax":
            np.testing.assert_allclose(net.predict(x).sum(axis=-1), 1, rtol=1e-5)
        net.fit(x, x, 4, verbose=0)
        fnn.check_gradients(net, x, x)


@pytest.mark.parametrize("last", ["softmax", None])
@pytest.mark.parametrize("form", ["labels", "distributions"])
def test_training_agrees_with_rows(num_threads: int, last: str | None, form: str) -> None:
    """The loss of a map is that of all its positions as rows; so are its metrics."""
    for shape in SHAPES:
        x, y = drawn(shape)
        targets = y if form == "labels" else np.eye(shape[-1], dtype=np.float32)[y]
        net = network(shape, last, "cross_entropy", metrics=["accuracy"])
        logits = network(shape, None, "cross_entropy").predict(x).reshape(-1, shape[-1])
        loss, gradient = fnn.losses.cross_entropy(logits, targets.reshape(len(logits), *targets.shape[y.ndim :]))
        figures = net.evaluate(x, targets, batch_size=len(x))
        assert figures["loss"] == pytest.approx(loss, rel=1e-5)
        assert figures["accuracy"] == pytest.approx((logits.argmax(axis=1) == y.reshape(-1)).mean(), abs=1e-6)
        assert net.classify(x).shape == y.shape
        assert (net.classify(x) == logits.argmax(axis=1).reshape(y.shape)).all()
        by_hand, dy = fnn.losses.cross_entropy(logits.reshape(x.shape), targets)
        assert by_hand == pytest.approx(loss, rel=1e-6)
        assert_close(dy.reshape(gradient.shape), gradient, tolerance=1e-6)
        fnn.check_gradients(net, x, targets)
        net.fit(x, targets, 4, epochs=30, verbose=0)
        assert net.evaluate(x, targets)["loss"] < loss
        assert net.train_on_batch(x, targets) < loss


def test_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an oracle of this test")
    functional = torch.nn.functional
    for shape in SHAPES:
        classes = shape[-1]
        x, y = drawn(shape)
        y.reshape(-1)[::5] = -1
        weights = tuple(float(w) for w in np.linspace(0.5, 2, classes))
        for settings in ({}, {"label_smoothing": 0.1}, {"class_weights": weights}):
            loss, dy = CrossEntropy(**settings, ignore=-1)(x, y)
            given = torch.tensor(x.astype(np.float64), requires_grad=True)
            options = {"label_smoothing": settings.get("label_smoothing", 0.0), "ignore_index": -1}
            if "class_weights" in settings:
                options["weight"] = torch.tensor(weights, dtype=torch.float64)
            theirs = functional.cross_entropy(torch.movedim(given, -1, 1), torch.tensor(y), **options)
            theirs.backward()
            assert loss == pytest.approx(theirs.item(), rel=1e-5)
            assert_close(dy, given.grad.numpy(), tolerance=1e-5)
        p = fnn.activations.softmax(drawn(shape)[0] * 2)
        loss, _ = KLDivergence()(x, p)
        rows = torch.tensor(x.astype(np.float64)).log_softmax(-1).reshape(-1, classes)
        wanted = torch.tensor(p.astype(np.float64)).reshape(-1, classes)
        assert loss == pytest.approx(functional.kl_div(rows, wanted, reduction="batchmean").item(), rel=1e-4, abs=1e-6)


def test_weights_of_samples(num_threads: int) -> None:
    """Each position of a sample counts as the sample does, in the loss and in the metrics."""
    for shape in SHAPES:
        x, y = drawn(shape)
        weight = generator(2).random(len(x)).astype(np.float32)
        net = network(shape, "softmax", "cross_entropy", metrics=["accuracy", "top_5_accuracy"])
        if shape[-1] < 2:
            continue
        figures = net.evaluate(x, y, sample_weight=weight, batch_size=4)
        p = net.predict(x).reshape(len(x), -1, shape[-1])
        rows, labels = np.arange(p.shape[1]), y.reshape(len(x), -1)
        right = np.array([(each.argmax(axis=1) == t).mean() for each, t in zip(p, labels, strict=True)])
        losses = np.array([-np.log(each[rows, t]).mean() for each, t in zip(p, labels, strict=True)])
        assert figures["accuracy"] == pytest.approx((right * weight).sum() / weight.sum(), rel=1e-4)
        assert figures["loss"] == pytest.approx((losses * weight).sum() / weight.sum(), rel=1e-4)
        by_hand, _ = fnn.losses.cosine(x, x[::-1], weight)
        assert by_hand == pytest.approx(
            fnn.losses.cosine(x.reshape(-1, shape[-1]), x[::-1].reshape(-1, shape[-1]), np.repeat(weight, p.shape[1]))[
                0
            ],
            rel=1e-5,
        )


def test_one_probability_a_position() -> None:
    x = normal(9, 6, 5, 1)
    y = (x > 0.3).astype(np.float32)
    layers = [fnn.Conv2D(4, 3, padding="same", activation="tanh"), fnn.Conv2D(1, 1, activation="sigmoid")]
    net = fnn.Sequential(layers, input_shape=(6, 5, 1), seed=0)
    net.compile(fnn.Adam(0.03), "binary_cross_entropy", metrics=["accuracy"])
    net.fit(x, y, 4, epochs=40, verbose=0)
    classes = net.classify(x)
    assert classes.shape == (9, 6, 5)
    figures = net.evaluate(x, y)
    assert figures["accuracy"] == pytest.approx((classes == y[..., 0]).mean(), abs=1e-6) and figures["accuracy"] > 0.9


def test_another_shape_does_not_move_a_softmax() -> None:
    """The softmax stays over the axis that was the last one where it was asked for."""
    x = normal(5, 3, 2, 4)
    for layer, shape in ((fnn.Flatten(), (24,)), (fnn.Reshape((6, 4)), (6, 4)), (fnn.Reshape((4, 6)), (4, 6))):
        net = fnn.Sequential([fnn.Conv2D(4, 1), fnn.Activation("softmax"), layer], input_shape=(3, 2, 4), seed=0)
        wanted = fnn.activations.softmax(fnn.Sequential([net.layers[0]], input_shape=(3, 2, 4), seed=0).predict(x))
        assert_close(net.predict(x), wanted.reshape(5, *shape), tolerance=1e-6)
        net.compile("sgd", "mse")
        fnn.check_gradients(net, x, normal(5, *shape))


@pytest.mark.parametrize("pool", [fnn.GlobalAvgPool, fnn.GlobalMaxPool])
def test_a_network_that_ends_in_a_mean(pool: type[fnn.Layer]) -> None:
    """Means of new numbers are logits; probabilities stay such, which a loss does not take for logits."""
    x, y = normal(9, 5, 4, 2), generator(0).integers(0, 3, 9)
    for activation in (None, "relu", "tanh"):
        if pool is fnn.GlobalMaxPool and activation:
            continue
        net = fnn.Sequential([fnn.Conv2D(3, 3, activation=activation), pool()], input_shape=(5, 4, 2), seed=0)
        net.compile(fnn.Adam(0.03), "cross_entropy")
        fnn.check_gradients(net, x, y)
        before = net.evaluate(x, y)["loss"]
        net.fit(x, y, epochs=30, verbose=0)
        assert net.evaluate(x, y)["loss"] < before
    for activation in ("softmax", "sigmoid"):
        net = fnn.Sequential([fnn.Conv2D(3, 3, activation=activation), pool()], input_shape=(5, 4, 2), seed=0)
        with pytest.raises(ValueError, match=f"cross_entropy: .*got {activation}"):
            net.compile("adam", "cross_entropy")


def test_bad_targets() -> None:
    x, y = drawn((2, 3, 5))
    net = network((2, 3, 5), "softmax", "cross_entropy")
    before = net.parameters.copy()
    for wrong in (y[:, 0], y.reshape(-1), y[:, :, :2], y[:, 0, 0]):
        with pytest.raises(ValueError, match=r"y: expected"):
            net.fit(x, wrong, verbose=0)
        with pytest.raises(ValueError, match=r"y: expected"):
            net.train_on_batch(x, wrong)
    with pytest.raises(ValueError, match=r"labels \(batch, 2, 3\) or values \(batch, 2, 3, 5\), got \(11, 2\)"):
        net.fit(x, y[:, :, 0], verbose=0)
    y[3, 1, 2] = 5
    with pytest.raises(ValueError, match=r"y\[3, 1, 2\] is 5; expected an integer label from 0 to 4"):
        net.fit(x, y, verbose=0)
    values = np.full((11, 2, 3, 5), 0.2)
    values[2, 1, 0, 0] = 0.5
    with pytest.raises(ValueError, match=r"y\[2, 1, 0\] is not a distribution"):
        net.fit(x, values, verbose=0)
    assert_same_bits(net.parameters, before)
