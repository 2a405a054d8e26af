"""Losses in Python of several outputs together: they train as their sum; what goes wrong leaves the network be."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import normal
from fastnn.losses import Joint

ROWS = 12
X = normal(ROWS, 4)
T = {"a": normal(ROWS, 3, start=1), "b": normal(ROWS, 2, start=2)}


def both(y: dict[str, np.ndarray], t: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """The sum of two squared errors."""
    pairs = {name: fnn.losses.mse(y[name], t[name]) for name in y}
    return sum(loss for loss, _ in pairs.values()), {name: dy for name, (_, dy) in pairs.items()}


def in_parts(y: dict[str, np.ndarray], t: dict[str, np.ndarray]) -> tuple[Any, ...]:
    loss, gradients = both(y, t)
    return loss, gradients, {"half": loss / 2, "rows": len(y["a"])}


def distance(y: dict[str, np.ndarray], t: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """Between the means of both outputs, less a wanted one; b has no target."""
    assert list(t) == ["a"] and t["a"].shape == (len(y["a"]), 1)
    d = y["a"].mean(1) - y["b"].mean(1) - t["a"][:, 0]
    slope = 2 * d[:, None] / len(d)
    return float((d * d).mean()), {"a": np.repeat(slope / 3, 3, 1), "b": np.repeat(-slope / 2, 2, 1)}


def network(loss: Any, metrics: Any = (), optimizer: Any = "adam") -> fnn.Network:
    x = fnn.Input((4,))
    hidden = fnn.Dense(5, "tanh")(x)
    net = fnn.Network(x, [fnn.Dense(3, "tanh", name="a")(hidden), fnn.Dense(2, name="b")(hidden)], seed=0)
    return net.compile(optimizer, loss, metrics)


def test_trains_as_the_sum() -> None:
    metrics = {"a": ["mae"], "b": ["r2"]}
    a, b = network(Joint(both), metrics), network("mse", metrics)
    options: dict[str, Any] = {"epochs": 3, "batch_size": 5, "verbose": 0}
    found = a.fit(X, T, validation_data=(X, T), **options).history
    wanted = b.fit(X, T, validation_data=(X, T), **options).history
    np.testing.assert_allclose(a.parameters, b.parameters, rtol=1e-4, atol=1e-6)
    for name in ("loss", "val_loss", "a_mae", "b_r2"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-4)
    assert "a_loss" not in found
    assert a.train_on_batch(X, T) == pytest.approx(b.train_on_batch(X, T), rel=1e-4)
    fnn.check_gradients(a, X, T)


def test_parts_are_logged() -> None:
    net = network(Joint(in_parts, parts=["half", "rows"]))
    logs = net.evaluate(X, T)
    assert logs["half"] == pytest.approx(logs["loss"] / 2) and logs["rows"] == ROWS
    history = net.fit(X, T, epochs=2, batch_size=4, validation_data=(X, T), verbose=0).history
    assert history["rows"] == [4, 4] and len(history["val_half"]) == 2
    with pytest.raises(ValueError, match="would be called 'a_mae'"):
        network(Joint(in_parts, parts=["a_mae"]), {"a": ["mae"]})


def test_targets_of_their_own() -> None:
    loss = Joint(distance, targets={"a": (1,), "b": None})
    net, t = network(loss), {"a": normal(ROWS, 1)}
    assert net.evaluate(X, t)["loss"] == pytest.approx(distance(net.predict(X), t)[0], rel=1e-5)
    losses = net.fit(X, t, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    fnn.check_gradients(net, X, t)
    with pytest.raises(ValueError, match="targets: unknown 'c'; expected 'a', 'b'"):
        network(Joint(distance, targets={"c": None}))


def test_labels() -> None:
    def cross(y: dict[str, np.ndarray], t: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
        assert t["a"].dtype == np.int32 and t["a"].shape == (ROWS,)
        loss, dy = fnn.losses.cross_entropy(y["a"], t["a"])
        return loss, {"a": dy, "b": np.zeros_like(y["b"])}

    assert np.isfinite(network(Joint(cross)).train_on_batch(X, {"a": np.arange(ROWS) % 3, "b": T["b"]}))


def test_penalties_are_added() -> None:
    x = fnn.Input((4,))
    net = fnn.Network(x, [fnn.Dense(3, name="a", l2=0.1)(x), fnn.Dense(2, name="b")(x)], seed=0)
    logs = net.compile("sgd", Joint(both)).evaluate(X, T)
    assert logs["loss"] == pytest.approx(both(net.predict(X), T)[0] + logs["penalty"], rel=1e-5)


def test_of_one_output() -> None:
    def one(y: dict[str, np.ndarray], t: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
        loss, dy = fnn.losses.mse(y["out"], t["out"])
        return loss, {"out": dy}

    net = fnn.Sequential([fnn.Dense(3, name="out")], input_shape=(4,), seed=0).compile("sgd", Joint(one), ["mae"])
    twin = fnn.Sequential([fnn.Dense(3, name="out")], input_shape=(4,), seed=0).compile("sgd", "mse", ["mae"])
    assert net.evaluate(X, T["a"]) == pytest.approx(twin.evaluate(X, T["a"]))


def test_files_and_copies(tmp_path: Path) -> None:
    for loss, t in (
        (Joint(in_parts, parts=("half", "rows")), T),
        (Joint(distance, {"a": (1,), "b": None}), {"a": X[:, :1]}),
    ):
        net = network(loss)
        net.save(tmp_path / "net.safetensors")
        for twin in (fnn.load(tmp_path / "net.safetensors", losses={loss.name: loss.function}), copy.copy(net)):
            assert twin.loss == loss
            assert twin.evaluate(X, t) == net.evaluate(X, t)


ZEROS = {"a": np.zeros((ROWS, 3)), "b": np.zeros((ROWS, 2))}
WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "nothing": (None, TypeError, r"expected it to return \(loss, gradients\), got None"),
    "three": ((0.0, ZEROS, {}), TypeError, r"expected it to return \(loss, gradients\)"),
    "no number": (("a", ZEROS), TypeError, "expected a number as the loss, got 'a'"),
    "no dict": ((0.0, [1]), TypeError, "expected a dict of gradients, got"),
    "missing": ((0.0, {"a": ZEROS["a"]}), ValueError, "gradients: 'b' is missing; expected 'a', 'b'"),
    "unknown": ((0.0, {**ZEROS, "c": 0}), ValueError, "gradients: unknown 'c'"),
    "shape": (
        (0.0, {**ZEROS, "b": np.zeros((ROWS, 3))}),
        ValueError,
        r"gradients\['b'\] of the shape of y\['b'\], \(12, 2\), got",
    ),
    "text": ((0.0, {**ZEROS, "b": np.full((ROWS, 2), "x")}), TypeError, r"expected real numbers as gradients\['b'\]"),
    "NaN": (
        (0.0, {**ZEROS, "b": np.full((ROWS, 2), np.nan)}),
        ValueError,
        r"gradients\['b'\]\[0, 0\] is nan as float32",
    ),
    "a loss that is NaN": ((np.nan, ZEROS), FloatingPointError, "the loss became nan"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_returned_wrongly(name: str) -> None:
    result, error, message = WRONG[name]
    net = network(Joint(lambda y, t: result))
    before = net.parameters.copy()
    for _ in range(2):
        with pytest.raises(error, match=message):
            net.train_on_batch(X, T)
    assert np.array_equal(net.parameters, before)


def test_an_exception() -> None:
    def fails(y: dict[str, np.ndarray], t: dict[str, np.ndarray]) -> Any:
        y["a"][...] = 0  # read-only

    net = network(Joint(fails))
    before = net.parameters.copy()
    with pytest.raises(ValueError, match="read-only"):
        net.train_on_batch(X, T)
    assert np.array_equal(net.parameters, before)


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match="Joint: expected a function, got 'mse'"):
        Joint("mse")  # type: ignore[arg-type]
    for loss in ({"a": Joint(both), "b": "mse"}, {"a": Joint(both), "b": Joint(distance)}):
        with pytest.raises(ValueError, match="a Joint loss is that of all outputs"):
            network(loss)
    with pytest.raises(ValueError, match="without loss_weights"):
        network("mse").compile("adam", Joint(both), loss_weights={"a": 2.0})
    with pytest.raises(ValueError, match="a Joint loss takes no sample_weight"):
        network(Joint(both)).evaluate(X, T, sample_weight=np.ones(ROWS))
    with pytest.raises(ValueError, match=r"choose\['a'\]: both compares rows as a whole"):
        network(Joint(both)).evaluate(X, {"a": X[:, 0], "b": T["b"]}, choose={"a": np.zeros(ROWS, int)})
    for options in ({"targets": [3]}, {"targets": {"a": (0,)}}, {"parts": "half"}, {"parts": [1]}):
        with pytest.raises((TypeError, ValueError), match=r"targets|part"):
            Joint(both, **options)  # type: ignore[arg-type]
