"""Weights of samples and of classes: what they mean in losses, metrics and epochs, and what is refused."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close
from networks import blobs, classifier, regression, state

WEIGHT = np.random.default_rng(5).uniform(0, 3, 90)
WEIGHT[::4] = 0


def log_loss(net: fnn.Network, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -np.log(net.predict(x).astype(np.float64))[np.arange(len(y)), y]


@pytest.mark.parametrize("batch_size", [None, 7, 90])
def test_evaluate(batch_size: int | None) -> None:
    """Weighted means over all samples, whatever the batches."""
    (x, y), net = blobs(), classifier()
    found = net.evaluate(x, y, batch_size, sample_weight=WEIGHT)
    assert found["loss"] == pytest.approx(np.average(log_loss(net, x, y), weights=WEIGHT), rel=1e-5)
    assert found["accuracy"] == pytest.approx(np.average(net.classify(x) == y, weights=WEIGHT))
    values = regression()
    found = values.evaluate(x, x[:, :1], batch_size, sample_weight=WEIGHT[:, None])
    error = values.predict(x)[:, 0] - x[:, 0].astype(np.float64)
    assert found["loss"] == pytest.approx(np.average(error**2, weights=WEIGHT), rel=1e-5)
    assert found["mae"] == pytest.approx(np.average(np.abs(error), weights=WEIGHT), rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int32, bool])
def test_whole_weights_are_repetitions(dtype: type) -> None:
    """A sample of weight 2 is two samples, one of weight 0 is ignored."""
    (x, y), weight = blobs(), (np.arange(90) % 3).astype(dtype)
    order = np.repeat(np.arange(90), weight.astype(int))
    for loss in ("cross_entropy", "kl_divergence", "mse", "focal", "cosine"):
        nets = [fnn.Sequential([fnn.Dense(3)], input_shape=(4,), seed=1).compile(fnn.SGD(0.1), loss) for _ in "ab"]
        t = np.eye(3)[y]
        assert nets[0].train_on_batch(x, t, weight) == pytest.approx(nets[1].train_on_batch(x[order], t[order]), 1e-5)
        np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, rtol=1e-5, atol=1e-6)


def test_fit() -> None:
    """Each epoch's values are weighted means over what training saw; validation has its own weights."""
    (x, y), net, by_hand = blobs(), classifier(fnn.SGD(0.1)), classifier(fnn.SGD(0.1))
    history = net.fit(x, y, 32, 2, (x, y, WEIGHT), shuffle=False, verbose=0, sample_weight=WEIGHT).history
    for epoch in range(2):
        sums = np.zeros(2)
        for start in (0, 32, 64):
            part = slice(start, start + 32)
            right = np.average(by_hand.classify(x[part]) == y[part], weights=WEIGHT[part])
            loss = by_hand.train_on_batch(x[part], y[part], WEIGHT[part])
            sums += WEIGHT[part].sum() * np.array([loss, right])
        found = [history[name][epoch] for name in ("loss", "accuracy")]
        assert_close(found, sums / WEIGHT.sum())
    assert history["val_loss"][-1] == net.evaluate(x, y, sample_weight=WEIGHT)["loss"]
    assert (net.parameters == by_hand.parameters).all()


def test_weights_follow_the_shuffle() -> None:
    (x, y), wrong = blobs(), blobs()[1].copy()
    wrong[::4] = (wrong[::4] + 1) % 3  # where the weight is 0
    nets = [classifier(), classifier()]
    for net, t in zip(nets, (y, wrong), strict=True):
        net.fit(x, t, 16, 2, verbose=0, sample_weight=WEIGHT)
    assert (nets[0].parameters == nets[1].parameters).all()


def test_ignored_labels_in_a_network() -> None:
    """They count 0, in the loss, in accuracy, and in the weights of an epoch."""
    (x, y), loss = blobs(), fnn.losses.CrossEntropy(ignore=-1)
    t, kept = np.where(np.arange(90) % 3 == 0, -1, y), np.arange(90) % 3 != 0
    nets = [fnn.Sequential([fnn.Dense(3, "softmax")], (4,), 0).compile("sgd", loss, ["accuracy"]) for _ in "ab"]
    assert nets[0].evaluate(x, t) == pytest.approx(nets[1].evaluate(x[kept], y[kept]), rel=1e-5)
    found, wanted = (net.evaluate(x, t, 8, WEIGHT * keep) for net, keep in zip(nets, (1, kept), strict=True))
    assert found == wanted
    assert nets[0].train_on_batch(x, t) == pytest.approx(nets[1].train_on_batch(x[kept], y[kept]), rel=1e-5)
    np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"y\[1\] is -2; expected an integer label from 0 to 2, or -1 for none"):
        nets[0].train_on_batch(x, np.where(np.arange(90) == 1, -2, t))


def test_a_batch_without_weight_changes_nothing() -> None:
    (x, y), net = blobs(), classifier(fnn.SGD(0.1))
    before = net.parameters.copy()
    assert net.train_on_batch(x, y, np.zeros(90)) == 0
    assert (net.parameters == before).all()


def multi() -> fnn.Network:
    x = fnn.Input((4,))
    hidden = fnn.Dense(8, "tanh")(x)
    outputs = [fnn.Dense(3, "softmax", name="kind")(hidden), fnn.Dense(1, name="size")(hidden)]
    net = fnn.Network(x, outputs, seed=1)
    return net.compile(fnn.SGD(0.1), {"kind": "cross_entropy", "size": "huber"}, {"kind": ["accuracy"]})


def test_several_outputs() -> None:
    """The weight of a sample is the same for all of them."""
    (x, y), net = blobs(), multi()
    t = {"kind": y, "size": x[:, :1]}
    found, order = net.evaluate(x, t, sample_weight=np.arange(90) % 2), np.arange(1, 90, 2)
    wanted = net.evaluate(x[order], {name: array[order] for name, array in t.items()})
    assert found == pytest.approx(wanted, rel=1e-5)
    net.fit(x, t, verbose=0, sample_weight=WEIGHT)
    with pytest.raises(ValueError, match="class_weight: expected a dict by output, of 'kind', 'size'"):
        net.fit(x, t, verbose=0, class_weight="balanced")


def balanced(y: np.ndarray) -> np.ndarray:
    counts = np.bincount(y)
    return (len(y) / (len(counts) * counts))[y]


@pytest.mark.parametrize("as_rows", [False, True])
def test_class_weight(as_rows: bool) -> None:
    """As sample_weight, with which it is multiplied."""
    x, y = blobs()
    t = np.eye(3)[y] if as_rows else y
    for class_weight, weight in (({0: 2, 2: 0.5}, np.array([2, 1, 0.5])[y]), ("balanced", balanced(y))):
        for given in (None, WEIGHT):
            nets = [classifier(), classifier()]
            nets[0].fit(x, t, verbose=0, sample_weight=given, class_weight=class_weight)
            nets[1].fit(x, t, verbose=0, sample_weight=weight if given is None else weight * given)
            assert (nets[0].parameters == nets[1].parameters).all()


@pytest.mark.parametrize("power", [-149, -127, 125])
def test_only_the_proportions_of_weights_count(power: int) -> None:
    """The same bits with weights so small or so large that float32 has no room for their products and sums."""
    (x, y), weight = blobs(), np.arange(90) % 4
    scaled = np.ldexp(np.float32(weight), power)
    for net_of, t in ((classifier, y), (regression, x[:, :1])):
        nets = [net_of(), net_of()]
        for net, w in zip(nets, (weight, scaled), strict=True):
            net.fit(x, t, 32, 2, (x, t, w), verbose=0, sample_weight=w)
        assert (nets[0].parameters == nets[1].parameters).all()
        assert nets[0].history.history == nets[1].history.history
    for factor in (2.0**-120, 2.0**120):
        by_class = {0: 1, 1: 2, 2: 0.5}
        nets = [classifier(), classifier(), classifier()]
        nets[0].fit(x, y, verbose=0, class_weight=by_class, sample_weight=weight)
        nets[1].fit(x, y, verbose=0, class_weight={c: factor * w for c, w in by_class.items()}, sample_weight=weight)
        nets[2].fit(x, y, verbose=0, class_weight={c: factor * w for c, w in by_class.items()}, sample_weight=scaled)
        for net in nets[1:]:
            assert (net.parameters == nets[0].parameters).all()


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "focal", "hinge"])
def test_class_weight_of_two_classes(loss: str) -> None:
    x, y = blobs(classes=2)
    nets = [fnn.Sequential([fnn.Dense(1)], (4,), 0).compile("sgd", loss) for _ in "ab"]
    nets[0].fit(x, y, verbose=0, class_weight={1: 3})
    nets[1].fit(x, y, verbose=0, sample_weight=1 + 2 * y)
    assert (nets[0].parameters == nets[1].parameters).all()


def test_balanced_finds_rare_classes() -> None:
    """One in 30 of class 1, in a cloud of class 0: with balanced weights it is seen."""
    rng = np.random.default_rng(0)
    y = (np.arange(600) % 30 == 0).astype(int)
    x = rng.standard_normal((600, 2)) + 1.5 * y[:, None]
    recall = []
    for class_weight in (None, "balanced"):
        net = fnn.Sequential([fnn.Dense(1, "sigmoid")], (2,), 0).compile(fnn.Adam(0.05), "binary_cross_entropy")
        net.fit(x, y, epochs=20, verbose=0, class_weight=class_weight)
        recall.append(net.classify(x)[y == 1].mean())
    assert recall[1] > recall[0] + 0.3


def swapped(array: np.ndarray, value: float) -> np.ndarray:
    array = array.copy()
    array[41] = value
    return array


BALANCED = {"class_weight": "balanced"}
WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "negative": ({"sample_weight": swapped(WEIGHT, -1)}, ValueError, r"sample_weight\[41\] is -1; .*number >= 0"),
    "NaN": ({"sample_weight": swapped(WEIGHT, np.nan)}, ValueError, r"sample_weight\[41\] is nan"),
    "infinite": ({"sample_weight": swapped(WEIGHT, np.inf)}, ValueError, r"sample_weight\[41\] is inf"),
    "length": ({"sample_weight": WEIGHT[1:]}, ValueError, r"sample_weight: expected \(90,\).*got shape \(89,\)"),
    "a number": ({"sample_weight": 2.0}, ValueError, r"sample_weight: expected \(90,\).*got shape \(\)"),
    "text": ({"sample_weight": ["a"] * 90}, TypeError, "sample_weight: expected an array of real numbers"),
    "no class": ({"class_weight": {3: 1.0}}, ValueError, "there is no class 3; classes are 0 to 2"),
    "a name": ({"class_weight": {"a": 1.0}}, ValueError, "there is no class 'a'"),
    "negative class": ({"class_weight": {0: -1}}, ValueError, r"class_weight\[0\] must be a number >= 0"),
    "NaN class": ({"class_weight": {0: np.nan}}, ValueError, r"class_weight\[0\] must be a number >= 0"),
    "a list": ({"class_weight": [1, 2, 3]}, TypeError, 'class_weight must be "balanced" or a dict'),
    "unknown": ({"class_weight": "even"}, TypeError, 'class_weight must be "balanced" or a dict'),
    "empty class": ({**BALANCED, "y": np.zeros(90, int)}, ValueError, "class 1 has no samples"),
    "no label": ({**BALANCED, "y": swapped(blobs()[1], 7)}, ValueError, r"y\[41\] is 7; expected an integer label"),
    "validation": ({"validation_data": (*blobs(), WEIGHT[1:])}, ValueError, "sample_weight: expected"),
    "six": (
        {"validation_data": (*blobs(), WEIGHT, None, None, 1)},
        TypeError,
        r"\(x, y\), or with more of \(x, y, sample",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    options, error, message = WRONG[name]
    (x, y), net = blobs(), classifier(fnn.SGD(0.1))
    before = state(net, gradients=False, history=False)
    with pytest.raises(error, match=message):
        net.fit(x, **{"y": y, "batch_size": 90, "verbose": 0, **options})
    assert state(net, gradients=False, history=False) == before


def test_class_weight_wants_classes() -> None:
    (x, y), net = blobs(), regression()
    with pytest.raises(ValueError, match="class_weight is for classes; mse compares values"):
        net.fit(x, y, verbose=0, class_weight="balanced")
    with pytest.raises(RuntimeError, match="not compiled"):
        fnn.Sequential([fnn.Dense(3)]).fit(x, y, class_weight="balanced")


def test_a_network_that_is_built_by_its_first_data() -> None:
    (x, y), net = blobs(), fnn.Sequential([fnn.Dense(3, "softmax")], seed=0).compile()
    with pytest.raises(ValueError, match="sample_weight"):
        net.train_on_batch(x, y, -WEIGHT)
    assert net.input_shape is None
    net.train_on_batch(x, y, WEIGHT)
    other = fnn.Sequential([fnn.Dense(3, "softmax")], seed=0).compile()
    other.fit(x, y, 90, verbose=0, class_weight="balanced")
    assert other.input_shape == (4,)
