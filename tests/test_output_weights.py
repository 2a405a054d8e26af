"""Weights of elements, and weights by output."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import normal

ROWS = 11
X = normal(ROWS, 4)
MASK = np.arange(3 * ROWS).reshape(ROWS, 3) % 4 / 2.0


def network(loss: Any, activation: str = "identity", metrics: Any = ()) -> fnn.Sequential:
    net = fnn.Sequential([fnn.Dense(3, activation)], input_shape=(4,), seed=0)
    return net.compile(fnn.SGD(0.1), loss, metrics)


def two(**losses: Any) -> fnn.Network:
    x = fnn.Input((4,))
    net = fnn.Network(x, [fnn.Dense(3, name="box")(x), fnn.Dense(2, name="kind")(x)], seed=0)
    return net.compile(fnn.SGD(0.1), {"box": "mse", "kind": "cross_entropy"} | losses)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "poisson"])
def test_each_element_counts_by_its_weight(loss: str) -> None:
    net, t = network(loss), np.abs(normal(ROWS, 3, start=1))
    y = net.predict(X)
    each = np.array(
        [fnn.losses.LOSSES[loss](y[i, j, None, None], t[i, j, None, None])[0] for i, j in np.ndindex(y.shape)]
    )
    wanted = np.average(each, weights=MASK.reshape(-1))
    assert net.evaluate(X, t, sample_weight=MASK)["loss"] == pytest.approx(wanted, rel=1e-5)
    value, dy = fnn.losses.LOSSES[loss](y, t, MASK)
    assert value == pytest.approx(wanted, rel=1e-5)
    assert not dy[MASK == 0].any()
    assert net.train_on_batch(X, t, sample_weight=MASK) == pytest.approx(wanted, rel=1e-5)


def test_the_same_as_weights_of_rows() -> None:
    """Elements that all count as their row does; the metrics too."""
    weight, t = np.arange(ROWS) % 3, normal(ROWS, 3, start=1)
    metrics = ["mae", "rmse", "r2", "mape"]
    found = network("mse", metrics=metrics).evaluate(X, t, sample_weight=np.repeat(weight[:, None], 3, 1))
    wanted = network("mse", metrics=metrics).evaluate(X, t, sample_weight=weight)
    assert found == pytest.approx(wanted, rel=1e-5)


def test_with_class_weights() -> None:
    t = (normal(ROWS, 3, start=1) > 0).astype(np.float32)
    a, b = network("binary_cross_entropy", "sigmoid"), network("binary_cross_entropy", "sigmoid")
    a.fit(X, t, class_weight={1: 3.0}, sample_weight=MASK, verbose=0)
    b.fit(X, t, sample_weight=MASK * np.where(t > 0, [1.0, 3.0, 1.0], 1.0), verbose=0)
    np.testing.assert_allclose(a.parameters, b.parameters, rtol=1e-5)


def test_a_loss_in_python_gets_them() -> None:
    def squares(y: np.ndarray, t: np.ndarray, sample_weight: np.ndarray) -> tuple[float, np.ndarray]:
        return float((sample_weight * (y - t) ** 2).sum() / sample_weight.sum()), np.zeros_like(y)

    t = normal(ROWS, 3, start=1)
    wanted = network("mse").evaluate(X, t, sample_weight=MASK)["loss"]
    assert network(squares).evaluate(X, t, sample_weight=MASK)["loss"] == pytest.approx(wanted, rel=1e-5)


def test_of_steps_with_lengths() -> None:
    """Elements past the end of a sequence do not count."""
    x, t, w, lengths = (
        normal(5, 6, 2),
        normal(5, 6, 3, start=1),
        np.abs(normal(5, 6, 3, start=2)),
        np.array([6, 1, 3, 4, 2]),
    )
    net = fnn.Sequential([fnn.SimpleRNN(3, return_sequences=True)], input_shape=(6, 2), seed=0).compile("sgd", "mse")
    real = np.arange(6) < lengths[:, None]
    found = net.evaluate(x, t, sample_weight=w, lengths=lengths)["loss"]
    assert found == pytest.approx(np.average((net.predict(x) - t)[real] ** 2, weights=w[real]), rel=1e-5)


def test_by_output() -> None:
    """Each output's loss is weighted by its own; what is left out, or None, counts as 1."""
    net, t = two(), {"box": normal(ROWS, 3, start=1), "kind": np.arange(ROWS) % 2}
    plain = net.evaluate(X, t)
    for weights in ({"box": MASK}, {"box": MASK, "kind": None}):
        found = net.evaluate(X, t, sample_weight=weights)
        assert found["kind_loss"] == plain["kind_loss"]
        assert found["box_loss"] == pytest.approx(
            np.average((net.predict(X)["box"] - t["box"]) ** 2, weights=MASK), rel=1e-5
        )
    assert net.evaluate(X, t, sample_weight={"kind": None}) == plain
    rows = np.arange(ROWS) % 2
    both, shared = two(), two()
    history = both.fit(
        X, t, sample_weight={"box": rows, "kind": rows}, validation_data=(X, t, {"kind": rows}), verbose=0
    )
    shared.fit(X, t, sample_weight=rows, verbose=0)
    assert np.array_equal(both.parameters, shared.parameters)
    assert np.isfinite(history.history["val_loss"]).all()


def test_class_weights_by_output() -> None:
    t = {"box": normal(ROWS, 3, start=1), "kind": np.arange(ROWS) % 2}
    a, b = two(), two()
    a.fit(X, t, class_weight={"kind": {1: 4.0}}, verbose=0)
    b.fit(X, t, sample_weight={"kind": np.where(t["kind"], 4.0, 1.0)}, verbose=0)
    assert np.array_equal(a.parameters, b.parameters)
    a.fit(X, t, class_weight={"kind": "balanced"}, verbose=0)
    with pytest.raises(ValueError, match="class_weight is for classes; mse compares values"):
        a.fit(X, t, class_weight={"box": {0: 1.0}}, verbose=0)


def test_what_does_not_fit() -> None:
    net, t = two(), {"box": normal(ROWS, 3, start=1), "kind": np.arange(ROWS) % 2}
    before = net.parameters.copy()
    with pytest.raises(
        ValueError, match=r"sample_weight\['kind'\]: expected \(11,\), a weight for each sample, got shape"
    ):
        net.train_on_batch(X, t, {"kind": np.ones((ROWS, 2))})
    with pytest.raises(
        ValueError, match=r"sample_weight\['box'\]: expected \(11,\), .*, or \(11, 3\), one for each element"
    ):
        net.train_on_batch(X, t, {"box": np.ones((ROWS, 2))})
    with pytest.raises(ValueError, match="sample_weight: unknown 'boxes'; expected 'box', 'kind'"):
        net.train_on_batch(X, t, {"boxes": np.ones(ROWS)})
    with pytest.raises(ValueError, match=r"sample_weight\['box'\]\[2, 1\] is -1; expected a number >= 0"):
        net.train_on_batch(X, t, {"box": np.where(np.arange(3 * ROWS).reshape(ROWS, 3) == 7, -1, 1)})
    with pytest.raises(ValueError, match=r"sample_weight: expected \(11,\), a weight for each sample, got shape"):
        network("cosine").train_on_batch(X, t["box"], MASK)
    assert np.array_equal(net.parameters, before)
