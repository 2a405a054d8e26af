"""Losses in Python whose targets have a shape of their own, or that have none."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import normal
from fastnn.losses import Own

ROWS = 10
X, T = normal(ROWS, 4), normal(ROWS, 2, start=1)


def matched(y: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
    """The sum of each row is the product of its two targets."""
    assert t.shape == (len(y), 2)
    d = y.sum(1) - t[:, 0] * t[:, 1]
    return float((d * d).mean()), np.repeat(2 * d[:, None] / len(y), y.shape[1], 1)


def sparse(y: np.ndarray) -> tuple[float, np.ndarray]:
    return float(np.abs(y).mean()), np.sign(y) / y.size


def weighed(y: np.ndarray, sample_weight: np.ndarray) -> tuple[float, np.ndarray]:
    return float(sample_weight.sum()), np.zeros_like(y)


def network(loss: Any) -> fnn.Sequential:
    return fnn.Sequential([fnn.Dense(5, "tanh"), fnn.Dense(3)], input_shape=(4,), seed=0).compile("adam", loss)


def two(loss: Any) -> fnn.Network:
    x = fnn.Input((4,))
    code = fnn.Dense(3, "tanh", name="code")(x)
    net = fnn.Network(x, [code, fnn.Dense(2, name="out")(code)], seed=0)
    return net.compile("adam", {"code": loss, "out": "mse"})


def test_another_shape() -> None:
    net = network(Own(matched, target=(2,)))
    value, _ = matched(net.predict(X), T)
    assert net.evaluate(X, T)["loss"] == pytest.approx(value)
    assert net.train_on_batch(X, T) == pytest.approx(value)
    losses = net.fit(X, T, epochs=30, validation_split=0.2, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    fnn.check_gradients(net, X, T)
    with pytest.raises(ValueError, match=r"y: expected values \(batch, 2\), got \(10, 3\)"):
        net.evaluate(X, normal(ROWS, 3))
    assert Own(matched, target=(2,))(net.predict(X), T)[0] == pytest.approx(matched(net.predict(X), T)[0])


def test_no_target() -> None:
    net = network(Own(sparse, target=None))
    assert net.evaluate(X)["loss"] == pytest.approx(sparse(net.predict(X))[0])
    losses = net.fit(X, epochs=30, batch_size=4, verbose=0, validation_data=(X, None)).history["loss"]
    assert losses[-1] < losses[0]
    net.train_on_batch(X, None)
    with pytest.raises(ValueError, match="y: its loss takes no target; leave it out"):
        net.evaluate(X, T)
    with pytest.raises(TypeError, match="y is missing"):
        network("mse").evaluate(X)


def test_of_several_outputs() -> None:
    net = two(Own(sparse, target=None))
    found = net.evaluate(X, {"out": T})
    assert found == net.evaluate(X, {"code": None, "out": T}) == net.evaluate(X, [None, T])
    assert found["code_loss"] == pytest.approx(sparse(net.predict(X)["code"])[0])
    net.fit(X, {"out": T}, epochs=2, batch_size=4, rows=np.arange(8), validation_split=0.25, verbose=0)
    with pytest.raises(ValueError, match="y: 'out' is missing"):
        net.evaluate(X, {})


def test_weights() -> None:
    weight = np.arange(ROWS) / 2
    assert network(Own(weighed, target=None)).evaluate(X, sample_weight=weight)["loss"] == weight.sum()
    with pytest.raises(
        ValueError, match=r"sparse: its parameters are \(y\), without sample_weight.*define sparse\(y, sample"
    ):
        network(Own(sparse, target=None)).evaluate(X, sample_weight=weight)


def test_files_and_copies(tmp_path: Path) -> None:
    for loss, y in ((Own(matched, target=(2,)), T), (Own(sparse, target=None), None)):
        net = network(loss)
        net.save(tmp_path / "net.safetensors")
        for twin in (fnn.load(tmp_path / "net.safetensors", losses={loss.name: loss.function}), copy.copy(net)):
            assert twin.loss == loss
            assert twin.evaluate(X, y) == net.evaluate(X, y)


def test_what_is_refused() -> None:
    for target in ("labels", (), (0,), (2.5,)):
        with pytest.raises((ValueError, TypeError), match="matched: target"):
            Own(matched, target=target)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Own: expected a function, got 3"):
        Own(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected values \(batch, 5\), got \(10,\)$"):  # and no word of choose=
        network(Own(matched, target=(5,))).evaluate(X, T[:, 0])
    with pytest.raises(ValueError, match="metrics: the targets of matched are not values of the outputs"):
        network("mse").compile("adam", Own(matched, target=(2,)), ["mae"])
