"""Metrics that are Python functions: given the outputs of a whole epoch, they are in logs, History and files."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier, regression, state

X, Y = blobs()


def right(y: np.ndarray, t: np.ndarray) -> float:
    return float((y.argmax(-1) == t).mean())


def weighted_right(y: np.ndarray, t: np.ndarray, sample_weight: Any) -> float:
    return float(np.average(y.argmax(-1) == t, weights=sample_weight))


@pytest.mark.parametrize("shuffle", [True, False])
def test_they_agree_with_what_is_built_in(shuffle: bool) -> None:
    net = classifier(metrics=["accuracy", right])
    history = net.fit(X, Y, 16, 3, validation_data=(X, Y), shuffle=shuffle, verbose=0).history
    np.testing.assert_allclose(history["right"], history["accuracy"])
    np.testing.assert_allclose(history["val_right"], history["val_accuracy"])
    assert net.evaluate(X, Y, 7)["right"] == pytest.approx(net.evaluate(X, Y)["accuracy"])
    assert isinstance(net.train_on_batch(X, Y), float)


def test_they_do_not_change_training() -> None:
    net, twin = classifier(metrics=["accuracy", right]), classifier()
    for each in (net, twin):
        each.fit(X, Y, 16, 2, verbose=0)
    assert net.parameters.tobytes() == twin.parameters.tobytes()


def test_weights_go_to_functions_that_accept_them() -> None:
    weight = np.linspace(0, 1, len(X))
    net = classifier(metrics=["accuracy", weighted_right])
    history = net.fit(X, Y, 16, 2, sample_weight=weight, verbose=0).history
    np.testing.assert_allclose(history["weighted_right"], history["accuracy"], rtol=1e-6)
    assert net.evaluate(X, Y)["weighted_right"] == pytest.approx(net.evaluate(X, Y)["accuracy"])
    with pytest.raises(ValueError, match=r"right: its parameters are \(y, t\).*define right\(y, t, sample_weight\)"):
        classifier(metrics=[right]).fit(X, Y, sample_weight=weight, verbose=0)


def test_real_steps_of_sequences() -> None:
    def seen(y: np.ndarray, t: np.ndarray) -> float:
        shapes.append((y.shape, t.shape))
        return right(y, t)

    shapes: list[Any] = []
    net = fnn.Sequential([fnn.LSTM(4, return_sequences=True), fnn.Dense(3, "softmax")], input_shape=(5, 2), seed=0)
    net.compile("adam", metrics=["accuracy", seen])
    lengths = np.array([1, 5, 3])
    x, y = np.ones((3, 5, 2)), np.array([[0, 1, 2, 0, 1]] * 3)
    logs = net.evaluate(x, y, lengths=lengths)
    assert shapes == [((9, 3), (9,))] and logs["seen"] == pytest.approx(logs["accuracy"])


def test_several_outputs() -> None:
    x = fnn.Input((4,))
    net = fnn.Network(x, [fnn.Dense(3, "softmax", name="kind")(x), fnn.Dense(1, name="size")(x)], seed=0)

    def off(y: np.ndarray, t: np.ndarray) -> float:
        return float(np.abs(y - t).mean())

    net.compile("adam", {"kind": "cross_entropy", "size": "mse"}, {"kind": [right], "size": ["mae", off]})
    logs = net.evaluate(X, {"kind": Y, "size": X[:, 0]})
    assert logs["size_off"] == pytest.approx(logs["size_mae"], rel=1e-5)
    assert logs["kind_right"] == pytest.approx(right(net.predict(X)["kind"], Y))


def test_they_stop_early_and_are_monitored() -> None:
    net = classifier(metrics=[right])
    history = net.fit(
        X, Y, epochs=50, validation_data=(X, Y), verbose=0, callbacks=[fnn.EarlyStopping("val_right", 2, mode="max")]
    )
    assert len(history.epoch) < 50


def test_files_hold_the_name(tmp_path: Path) -> None:
    net = classifier(metrics=["accuracy", right])
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match=r"the metric 'right' is a custom function: pass it in load\(path, metrics="):
        fnn.load(tmp_path / "net")
    for twin in (copy.copy(net), fnn.load(tmp_path / "net", metrics={"right": right})):
        assert twin.evaluate(X, Y) == net.evaluate(X, Y)


@pytest.mark.parametrize(
    ("metric", "error", "message"),
    [
        (lambda y, t: "good", TypeError, "expected it to return a number, got 'good'"),
        (lambda y, t: y.mean(0), TypeError, "expected it to return a number"),
        (lambda y, t: 1 / 0, ZeroDivisionError, "division"),
    ],
)
def test_what_is_wrong_with_a_result(metric: Any, error: type, message: str) -> None:
    net = regression()
    net.compile("adam", "mse", [metric])
    before = state(net)
    with pytest.raises(error, match=message):
        net.evaluate(X, X[:, :1])
    assert state(net) == before


def test_what_is_no_metric() -> None:
    with pytest.raises(TypeError, match="metrics must be names or functions, got 3"):
        classifier(metrics=[3])
    with pytest.raises(ValueError, match="two would be called 'right' in the logs"):
        classifier(
            metrics=[right, lambda y, t: 0.0, fnn.metrics.METRICS and right.__class__(right.__code__, {}, "right")]
        )
