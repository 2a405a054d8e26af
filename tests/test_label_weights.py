"""class_weight for several labels, which do not exclude each other: a weight for each element of the targets."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import generator
from networks import state

sklearn_weights = pytest.importorskip("sklearn.utils.class_weight")

RATE = 0.5
COUNT, LABELS = 60, 3
X = generator(0).normal(size=(COUNT, 4)).astype(np.float32)
T = generator(1).random((COUNT, LABELS)) < [0.1, 0.4, 0.8]
CLASS_WEIGHT = {0: 9.0, 2: 0.25}
GIVEN = generator(2).uniform(0, 2, COUNT)


def element_weights(t: np.ndarray, class_weight: Any) -> np.ndarray:
    """The weight of each element of t (..., labels)."""
    positive = t >= 0.5
    if class_weight == "balanced":
        share = positive.reshape(-1, LABELS).mean(axis=0)
        return np.where(positive, 1 / (2 * share), 1 / (2 * (1 - share)))
    return np.where(positive, [class_weight.get(label, 1.0) for label in range(LABELS)], 1.0)


def network(
    *layers: fnn.Layer, shape: tuple[int, ...] = (4,), ending: str = "sigmoid", **options: Any
) -> fnn.Sequential:
    net = fnn.Sequential([*layers, fnn.Dense(LABELS, ending)], input_shape=shape, seed=3)
    return net.compile(fnn.SGD(RATE), options.get("loss", "binary_cross_entropy"), options.get("metrics", ()))


def first_step(net: fnn.Sequential, x: np.ndarray, t: np.ndarray, w: np.ndarray, **options: Any) -> tuple[Any, Any]:
    """The loss and the bias after a step on all of the data; and the same in float64."""
    p = net.predict(x, lengths=options.get("lengths")).astype(np.float64)
    p = p if "sigmoid" in repr(net.layers[-1]) else 1 / (1 + np.exp(-p))
    losses = -np.log(np.where(t >= 0.5, p, 1 - p), where=w > 0, out=np.zeros(p.shape))
    gradient = (w * (p - t)).reshape(-1, LABELS).sum(axis=0) / w.sum()
    history = net.fit(x, t, len(x), verbose=0, **options).history
    name = next(name for name in net.weights if name.endswith("bias") and len(net.weights[name]) == LABELS)
    return (history["loss"][0], net.weights[name]), ((w * losses).sum() / w.sum(), -RATE * gradient)


def same(found: tuple[Any, Any], wanted: tuple[Any, Any]) -> None:
    assert found[0] == pytest.approx(wanted[0], rel=1e-5)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("ending", ["sigmoid", "identity"])
@pytest.mark.parametrize("given", [None, GIVEN], ids=["", "sample_weight"])
@pytest.mark.parametrize("class_weight", [CLASS_WEIGHT, "balanced"], ids=str)
def test_loss_and_gradient(class_weight: Any, given: Any, ending: str) -> None:
    """The weighted mean over all elements; times sample_weight."""
    w = element_weights(T, class_weight) * (1 if given is None else given[:, None])
    options = {"class_weight": class_weight, "sample_weight": given}
    same(*first_step(network(ending=ending), X, T.astype(np.uint8), w, **options))


def test_balanced_is_that_of_scikit_learn() -> None:
    each = np.stack([sklearn_weights.compute_sample_weight("balanced", T[:, label]) for label in range(LABELS)], axis=1)
    same(*first_step(network(), X, T, each, class_weight="balanced"))


@pytest.mark.parametrize("class_weight", [CLASS_WEIGHT, "balanced"], ids=str)
@pytest.mark.parametrize("per", ["none", "sample", "position"])
def test_positions(per: str, class_weight: Any) -> None:
    """Of images, and of the real steps of sequences."""
    x, t = generator(5).normal(size=(6, 3, 5, 4)), (generator(6).random((6, 3, 5, LABELS)) < 0.4).astype(np.float32)
    given = {"none": None, "sample": GIVEN[:6], "position": generator(7).uniform(0, 2, (6, 3, 5))}[per]
    w = element_weights(t, class_weight)
    w = w if given is None else w * given.reshape(*given.shape, *(1,) * (4 - given.ndim))
    net = fnn.Sequential([fnn.Conv2D(LABELS, 1, activation="sigmoid")], input_shape=(3, 5, 4), seed=3)
    net.compile(fnn.SGD(RATE), "binary_cross_entropy")
    same(*first_step(net, x, t, w, class_weight=class_weight, sample_weight=given))

    x, t, given = x[:, 0], t[:, 0], given if given is None or given.ndim == 1 else given[:, 0]
    ends = np.array([5, 1, 3, 4, 2, 5])
    real = (np.arange(5) < ends[:, None])[..., None]
    w = np.zeros_like(t)
    w[real[..., 0]] = element_weights(t[real[..., 0]], class_weight)
    w = w if given is None else w * given.reshape(*given.shape, *(1,) * (3 - given.ndim))
    net = network(fnn.SimpleRNN(4, return_sequences=True), shape=(5, 4))
    net.predict(x)
    found, wanted = first_step(net, x, t, w, class_weight=class_weight, sample_weight=given, lengths=ends)
    same(found, wanted)


def test_metrics_are_weighted_too() -> None:
    def of(y: np.ndarray, t: np.ndarray, sample_weight: Any) -> float:
        return float(np.average((y >= 0.5) == t, weights=sample_weight))

    net = network(metrics=["accuracy", "f1", "roc_auc", "mae", "mse", "rmse", "subset_accuracy", of])
    p, w = net.predict(X), element_weights(T, CLASS_WEIGHT)
    history = net.fit(X, T, COUNT, verbose=0, class_weight=CLASS_WEIGHT, validation_data=(X, T)).history
    logs = {name: values[0] for name, values in history.items()}
    right, error = (p >= 0.5) == T, np.abs(p.astype(np.float64) - T)
    f1 = [fnn.metrics.f1(p[:, i], T[:, i], w[:, i]) for i in range(LABELS)]
    auc = [fnn.metrics.roc_auc(p[:, i], T[:, i], w[:, i]) for i in range(LABELS)]
    wanted = {
        "accuracy": np.average(right, weights=w),
        "of": np.average(right, weights=w),
        "f1": np.mean(f1),
        "roc_auc": np.mean(auc),
        "mae": np.average(error, weights=w),
        "mse": np.average(error**2, weights=w),
        "rmse": np.sqrt(np.average(error**2, weights=w)),
        "subset_accuracy": np.average(right.all(axis=1), weights=w.mean(axis=1)),
    }
    assert {name: logs[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)
    assert logs["val_accuracy"] == pytest.approx(((net.predict(X) >= 0.5) == T).mean())


def test_other_feeds() -> None:
    """The same from a function that returns batches, and with a part held out."""
    nets = [network(), network()]
    nets[0].fit(X, T, 20, 2, shuffle=False, class_weight=CLASS_WEIGHT, verbose=0)
    batches = lambda: iter([(X[i : i + 20], T[i : i + 20]) for i in range(0, COUNT, 20)])  # noqa: E731
    nets[1].fit(batches, epochs=2, class_weight=CLASS_WEIGHT, verbose=0)
    assert (nets[0].parameters == nets[1].parameters).all()
    history = network().fit(X, T, validation_split=0.25, class_weight="balanced", verbose=0).history
    assert np.isfinite(history["val_loss"]).all()


@pytest.mark.parametrize(
    ("class_weight", "t", "error", "message"),
    [
        ({3: 1.0}, T, ValueError, "there is no class 3; classes are 0 to 2"),
        ({0: -1.0}, T, ValueError, r"class_weight\[0\] must be a number >= 0"),
        ([1, 2, 3], T, TypeError, "class_weight must be"),
        ("balanced", T & [True, False, True], ValueError, "label 1 has no positives; give a dict instead"),
        ("balanced", T | [True, False, False], ValueError, "label 0 has no negatives; give a dict instead"),
    ],
)
def test_what_is_refused(class_weight: Any, t: np.ndarray, error: type, message: str) -> None:
    net = network()
    before = state(net)
    with pytest.raises(error, match=message):
        net.fit(X, t, verbose=0, class_weight=class_weight)
    assert state(net) == before
