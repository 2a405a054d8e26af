"""fit with evaluate_training: the training data measured after each epoch, as evaluate measures them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, training_state

X, Y = blobs(700)
WEIGHTS = np.random.default_rng(0).random(700)


def network(optimizer: Any = "adam") -> fnn.Sequential:
    """With what acts in training only, and a penalty."""
    layers = [fnn.Dense(8, "relu", l2=0.01), fnn.Dropout(0.5), fnn.BatchNorm(), fnn.Dense(3, "softmax")]
    return fnn.Sequential(layers, input_shape=(4,), seed=0).compile(optimizer, metrics=["accuracy"])


def training(history: fnn.History) -> dict[str, float]:
    """What the last epoch measured on the training data."""
    return {
        name.removeprefix("train_"): values[-1] for name, values in history.history.items() if name.startswith("train_")
    }


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The data in seven batches."""
    return zip(np.split(X, 7), np.split(Y, 7), strict=True)


def test_it_is_what_evaluate_measures() -> None:
    """After each epoch; the training has the same bits without it."""
    net, plain = network(), network()
    history = net.fit(X, Y, epochs=3, evaluate_training=True, validation_data=(X, Y), verbose=0)
    assert training(history) == net.evaluate(X, Y)
    assert list(training(history)) == ["loss", "accuracy", "penalty"]
    for name in ("loss", "accuracy", "penalty"):
        assert history.history[f"train_{name}"] == history.history[f"val_{name}"]
    without = plain.fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0)
    assert training_state(net) == training_state(plain)
    assert without.history == {name: values for name, values in history.history.items() if name[:6] != "train_"}


@pytest.mark.parametrize(
    ("x", "options", "evaluated"),
    [
        ((X, Y), {"sample_weight": WEIGHTS}, {"sample_weight": WEIGHTS}),
        ((X, Y), {"class_weight": {0: 2.0, 1: 0.0}}, {"sample_weight": np.array([2.0, 0.0, 1.0])[Y]}),
        ((fnn.data.Loader((X, Y), batch_size=50),), {}, {}),
        ((batches,), {}, {}),
        ((batches,), {"steps_per_epoch": 7}, {}),
    ],
    ids=["sample_weight", "class_weight", "Loader", "batches", "steps"],
)
def test_other_data(x: tuple[Any, ...], options: dict[str, Any], evaluated: dict[str, Any]) -> None:
    """Weighted as training weights them; a dataset is read again, a function called again."""
    net = network()
    history = net.fit(*x, epochs=2, evaluate_training=True, verbose=0, **options)
    assert training(history) == pytest.approx(net.evaluate(X, Y, **evaluated), rel=1e-12)


def test_what_is_held_out_is_not_training_data() -> None:
    net = network()
    history = net.fit(X, Y, validation_split=0.2, evaluate_training=True, verbose=0)
    found, whole = training(history), net.evaluate(X, Y)
    accuracy = 0.8 * found["accuracy"] + 0.2 * history.history["val_accuracy"][-1]
    assert accuracy == pytest.approx(whole["accuracy"], rel=1e-12) and found["accuracy"] != whole["accuracy"]


def test_streams_begin_with_zeros() -> None:
    x = np.random.default_rng(0).standard_normal((12, 5, 2))
    net = fnn.Sequential([fnn.SimpleRNN(3), fnn.Dense(1)], input_shape=(5, 2), seed=0).compile("sgd", "mse")
    history = net.fit(x, x[:, -1, 0], 4, 2, stateful=True, shuffle=False, evaluate_training=True, verbose=0)
    assert training(history) == net.evaluate(x, x[:, -1, 0], 4, stateful=True)


def test_lbfgs() -> None:
    net = fnn.Sequential([fnn.Dense(3, "softmax")], input_shape=(4,), seed=0).compile(fnn.LBFGS())
    history = net.fit(X, Y, len(X), 3, evaluate_training=True, verbose=0)
    assert training(history) == net.evaluate(X, Y)
    assert history.history["train_loss"][0] == pytest.approx(history.history["loss"][1], rel=1e-5)


def test_it_can_be_monitored() -> None:
    """Its names are known before the first epoch."""
    stop = fnn.EarlyStopping("train_loss", patience=2)
    history = network(fnn.SGD(0.0)).fit(X, Y, epochs=9, evaluate_training=True, callbacks=[stop], verbose=0)
    assert len(history.epoch) < 9
    assert " ".join(stop.names) == "loss accuracy penalty train_loss train_accuracy train_penalty"
    with pytest.raises(ValueError, match=r"unknown monitor 'train_loss'; known: loss, accuracy, penalty$"):
        network().fit(X, Y, callbacks=[stop], verbose=0)
    with pytest.raises(TypeError, match="evaluate_training must be True or False, got 1"):
        network().fit(X, Y, evaluate_training=1, verbose=0)
