"""Targets and classes: labels of every form, regression targets, thresholds, and what the metrics mean."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier, regression

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
REALS = ["float16", "float32", "float64", "longdouble"]


def outcome(net: fnn.Sequential, x: np.ndarray, y: Any) -> tuple[dict[str, float], float, bytes]:
    """What evaluate, a step and a shuffled fit make of a target."""
    return net.evaluate(x, y), net.train_on_batch(x, y), net.fit(x, y, 7, verbose=0).history, net.parameters.tobytes()


@pytest.mark.parametrize("dtype", [*INTEGERS, *REALS, ">i4", ">f8"])
@pytest.mark.parametrize("column", [False, True])
def test_labels(dtype: str, column: bool) -> None:
    """Integers and integral floats of every type, (n,) and (n, 1), are the same labels."""
    x, y = blobs()
    labels = y.astype(dtype).reshape(-1, 1) if column else y.astype(dtype)
    assert outcome(classifier(), x, labels) == outcome(classifier(), x, y)


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS, *REALS])
def test_one_hot(dtype: str) -> None:
    """One-hot rows are the labels; lists count too."""
    x, y = blobs()
    rows = np.eye(3, dtype=dtype)[y]
    wanted, found = outcome(classifier(), x, y), outcome(classifier(), x, rows)
    assert found[0]["accuracy"] == wanted[0]["accuracy"]
    assert found[0]["loss"] == pytest.approx(wanted[0]["loss"], rel=1e-6)
    assert found[1] == pytest.approx(wanted[1], rel=1e-6)
    assert outcome(classifier(), x, rows.tolist()) == found


def test_bool_labels() -> None:
    """False and True are the classes 0 and 1 of two outputs."""
    x, y = blobs(classes=2)
    nets = [
        fnn.Sequential([fnn.Dense(2, activation="softmax")], (4,), 0).compile(metrics=["accuracy"]) for _ in range(2)
    ]
    assert outcome(nets[0], x, y.astype(bool)) == outcome(nets[1], x, y)


def test_probability_rows() -> None:
    """The loss of a distribution is -sum t log p; its class is the argmax."""
    x, _ = blobs()
    t = np.random.default_rng(2).dirichlet([1, 2, 3], len(x))
    net = classifier()
    p = net.predict(x).astype(np.float64)
    result = net.evaluate(x, t)
    assert result["loss"] == pytest.approx(-(t * np.log(p)).sum(axis=1).mean(), rel=1e-5)
    assert result["accuracy"] == pytest.approx((p.argmax(axis=1) == t.argmax(axis=1)).mean())


@pytest.mark.parametrize(("outputs", "shape"), [(1, (90,)), (1, (90, 1)), (3, (90, 3))])
@pytest.mark.parametrize("dtype", ["bool", *INTEGERS, "float16", "float64"])
def test_regression_targets(outputs: int, shape: tuple[int, ...], dtype: str) -> None:
    """mse and mae average over all elements; (n,) equals (n, 1) for one output."""
    x, _ = blobs()
    t = np.random.default_rng(4).integers(0, 2, shape).astype(dtype)
    net = regression(outputs)
    error = net.predict(x) - t.reshape(90, outputs).astype(np.float64)
    result = net.evaluate(x, t)
    assert result["loss"] == pytest.approx((error**2).mean(), rel=1e-5)
    assert result["mae"] == pytest.approx(abs(error).mean(), rel=1e-5)
    assert outcome(regression(outputs), x, t) == outcome(regression(outputs), x, t.reshape(90, outputs).astype(float))


@pytest.mark.parametrize(
    "layers",
    [
        [fnn.Dense(1, activation="sigmoid")],
        [fnn.Dense(1), fnn.Activation("sigmoid")],
        [fnn.Dense(1, activation="sigmoid"), fnn.Flatten()],
        [fnn.Dense(1)],
    ],
    ids=str,
)
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "mse"])
@pytest.mark.parametrize("column", [False, True])
def test_one_probability(layers: list[fnn.Layer], loss: str, column: bool) -> None:
    """One sigmoid output: the class is whether its probability is >= 0.5, exactly; logits at 0."""
    if loss == "mse" and len(layers) == 1 and layers[0].activation == "identity":  # type: ignore[attr-defined]
        pytest.skip("a regression has no classes: see test_regressions_have_no_classes")
    net = fnn.Sequential(layers, input_shape=(1,)).compile("sgd", loss, ["accuracy", "mae"])
    net.weights["dense_0.weight"] = [[1.0]]
    z = np.array([-30, -2, -1e-3, -0.0, 0.0, 1e-3, 2, 30], np.float32)
    wanted = (z >= 0).astype(np.int64)
    found = net.classify(z[:, None])
    assert found.dtype == np.int64 and found.shape == (8,)
    np.testing.assert_array_equal(found, wanted)
    y = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    result = net.evaluate(z[:, None], y[:, None] if column else y)
    assert result["accuracy"] == pytest.approx((wanted == y).mean())
    p = net.predict(z[:, None])[:, 0]
    assert result["mae"] == pytest.approx(abs(p - y).mean(), rel=1e-5)
    net.fit(z[:, None], y.astype(bool), batch_size=3, verbose=0)


def test_classify_is_argmax() -> None:
    """With softmax, with logits, in any chunks; the first of equals."""
    x, _ = blobs(600)
    logits = fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=0).compile()
    for net in (classifier(), logits):
        found = net.classify(x)
        assert found.dtype == np.int64 and found.shape == (600,)
        np.testing.assert_array_equal(found, net.predict(x).argmax(axis=1))
        np.testing.assert_array_equal(net.classify(x, batch_size=7), found)
    net = classifier()
    for view in net.weights.values():
        view[...] = 0
    net.weights["dense_1.bias"] = [0, 1e-9, -1]
    assert (net.classify(x) == 1).all(), "the logits show what probabilities in float32 cannot"
    logits.weights["dense_0.weight"] = np.zeros((4, 3))
    assert not logits.classify(x).any()
    ready = fnn.Sequential([fnn.Dense(3, activation="softmax")], input_shape=(4,), seed=1)
    np.testing.assert_array_equal(ready.classify(x), ready.predict(x).argmax(axis=1))


@pytest.mark.parametrize(
    ("layers", "loss"),
    [
        ([fnn.Dense(1)], "mse"),
        ([fnn.Dense(3)], "mse"),
        ([fnn.Dense(3, activation="tanh")], "mse"),
        ([fnn.Dense(3)], None),
    ],
    ids=str,
)
def test_regressions_have_no_classes(layers: list[fnn.Layer], loss: str | None) -> None:
    """classify and accuracy are refused where an argmax would mean nothing."""
    net = fnn.Sequential(layers, input_shape=(4,))
    if loss is not None:
        with pytest.raises(ValueError, match="predict"):
            net.compile("sgd", loss, ["accuracy"])
        net.compile("sgd", loss)
    with pytest.raises(ValueError, match="predict"):
        net.classify(blobs()[0])


def test_one_softmax_output() -> None:
    """The only class is class 0, or the network is refused: never class 1."""
    net = fnn.Sequential([fnn.Dense(1, activation="softmax")], input_shape=(4,), seed=0)
    try:
        assert not net.classify(blobs()[0]).any()
    except ValueError as error:
        assert "softmax" in str(error)


def test_evaluate() -> None:
    """A dict, the same for any batch size up to rounding, sample-weighted over a short last chunk."""
    x, y = blobs(101)
    net = classifier()
    p = net.predict(x).astype(np.float64)
    wanted = {"loss": -np.log(p[np.arange(101), y]).mean(), "accuracy": (p.argmax(axis=1) == y).mean()}
    for batch in (None, 1, 10, 100, 101, 5000):
        assert net.evaluate(x, y, batch_size=batch) == pytest.approx(wanted, rel=1e-5)
    assert list(net.evaluate(x, y)) == ["loss", "accuracy"]
    assert all(type(value) is float for value in net.evaluate(x, y).values())
    loss = net.train_on_batch(x, y)
    assert type(loss) is float and loss == pytest.approx(wanted["loss"], rel=1e-5)


def test_mae_beside_cross_entropy() -> None:
    """Distributions are values: mae works with cross_entropy as soon as targets are rows; labels are refused."""
    x, y = blobs()
    net = fnn.Sequential([fnn.Dense(3, activation="softmax")], input_shape=(4,), seed=0)
    net.compile("sgd", "cross_entropy", ["mae"])
    t = np.eye(3)[y]
    assert net.evaluate(x, t)["mae"] == pytest.approx(abs(net.predict(x) - t).mean(), rel=1e-5)
    with pytest.raises(ValueError, match="mae"):
        net.evaluate(x, y)


@pytest.mark.parametrize("tail", [fnn.Flatten(), fnn.Activation("identity"), fnn.Dropout(0.0)], ids=repr)
def test_no_double_softmax(tail: fnn.Layer) -> None:
    """A layer that changes nothing, behind the softmax, changes nothing."""
    plain = classifier()
    net = fnn.Sequential([*plain.layers, tail], input_shape=(4,), seed=0).compile("adam", "cross_entropy")
    x, y = blobs()
    assert net.evaluate(x, y)["loss"] == plain.evaluate(x, y)["loss"]
    assert net.train_on_batch(x, y) == plain.train_on_batch(x, y)
    np.testing.assert_array_equal(net.parameters, plain.parameters)


@pytest.mark.parametrize(("ending", "loss"), [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy")])
def test_dropout_behind_probabilities(ending: str, loss: str) -> None:
    """What training saw and what evaluation sees is one loss: dropped probabilities are not taken for logits."""
    x, y = blobs()
    layers = [fnn.Dense(3, activation=ending), fnn.Dropout(0.5)]
    with pytest.raises(ValueError, match=rf"{loss}.*(?i:dropout|{ending})"):
        net = fnn.Sequential(layers, input_shape=(4,)).compile("adam", loss)
        net.train_on_batch(x, np.eye(3)[y])


def test_nan_stays_in_its_row() -> None:
    """predict passes a NaN to that row alone; classify and evaluate name the row."""
    x, y = blobs()
    for net in (classifier(), regression()):
        wanted = net.predict(x)
        bad = x.copy()
        bad[41, 2] = np.nan
        found = net.predict(bad)
        assert np.isnan(found[41]).all()
        np.testing.assert_array_equal(np.delete(found, 41, 0), np.delete(wanted, 41, 0))
        with pytest.raises(ValueError, match=r"x\[41, 2\]"):
            net.evaluate(bad, y if net.output_shape == (3,) else y.astype(float))
    with pytest.raises(ValueError, match=r"x\[41, 2\]"):
        classifier().classify(bad)
