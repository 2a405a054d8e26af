"""Metrics of a whole epoch against scikit-learn's functions; in networks, logs, callbacks and files."""

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import generator
from fastnn.metrics import F1, METRICS, Precision, Recall, TopK, grows
from networks import blobs, classifier

sk = pytest.importorskip("sklearn.metrics")

AVERAGED = {"precision": (Precision, sk.precision_score), "recall": (Recall, sk.recall_score), "f1": (F1, sk.f1_score)}
RANKED = {"roc_auc": sk.roc_auc_score, "pr_auc": sk.average_precision_score}
AVERAGES = ("micro", "macro", "weighted", None)


def rounded(*shape: int, seed: int = 0) -> np.ndarray:
    """Probabilities with many ties, some at 0 and 1."""
    return np.round(generator(seed).uniform(-0.1, 1.1, shape), 1).clip(0, 1)


def weights(seed: int, rows: int) -> list[np.ndarray | None]:
    return [None, generator(seed).uniform(0.1, 3, rows)]


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", AVERAGED)
def test_averages(name: str, seed: int) -> None:
    """One output, several classes of which some are missing, and labels; for each average."""
    metric, theirs = AVERAGED[name]
    rows, classes = 40, 6
    p, y = rounded(rows, classes, seed=seed), generator(seed + 1).integers(0, classes, rows)
    y[y == 2] = 3
    p[:, 4] = -1  # never predicted
    if seed % 2:
        p[:, 2] = -1  # nor wanted: not there at all
    labels, one, yes = rounded(rows, 3, seed=seed), rounded(rows, seed=seed), generator(seed).random(rows) < 0.3
    truth = generator(seed + 2).random((rows, 3)) < [0.5, 0, 0.2]
    for w in weights(seed, rows):
        for average in AVERAGES:
            every = {"labels": range(classes)} if average is None else {}
            options: Any = {"average": average, "sample_weight": w, "zero_division": 0}
            ours = metric(average)
            close(ours(p, y, w), theirs(y, p.argmax(1), **every, **options))
            close(ours(p, np.eye(classes)[y], w), ours(p, y, w))
            close(ours(labels, truth, w, threshold=0.3), theirs(truth, labels >= 0.3, **options))
            close(ours(one, yes, w), theirs(yes, one >= 0.5, **options))
        close(METRICS[name](p, y, w), metric("macro")(p, y, w))
        close(METRICS[name](one, yes, w), theirs(yes, one >= 0.5, sample_weight=w, zero_division=0))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", RANKED)
def test_ranks(name: str, seed: int) -> None:
    """With ties, weights and extreme scores."""
    ours, theirs, rows = METRICS[name], RANKED[name], 60
    score, yes = rounded(rows, seed=seed), generator(seed + 1).random(rows) < 0.4
    p, y = rounded(rows, 4, seed=seed), generator(seed).integers(0, 4, rows)
    p /= p.sum(axis=1, keepdims=True)
    extreme = np.where(generator(seed).random(rows) < 0.3, 1e300, score) * np.where(yes, -1e-300, 1)
    truth = generator(seed + 2).random((rows, 4)) < 0.3
    for w in weights(seed, rows):
        options: Any = {"sample_weight": w}
        for each in (score, extreme, score.astype(np.float32)):
            close(ours(each, yes, w), theirs(yes, each, **options))
        close(ours(p, truth, w, threshold=0.5), theirs(truth, p, average="macro", **options))
        close(ours(p, y, w), theirs(np.eye(4)[y], p, average="macro", **options))
        close(ours(p, np.eye(4)[y], w), ours(p, y, w))
        if name == "roc_auc":
            close(ours(p, y, w), sk.roc_auc_score(y, p, multi_class="ovr", **options))
    close(ours([0.0, np.inf, -np.inf, np.inf], [0, 1, 1, 0]), theirs([0, 1, 1, 0], [0, 9, -9, 9]))


def test_ranks_that_are_undefined() -> None:
    """Classes without positives, or negatives, are left out; where all are, the value is NaN and a warning says why."""
    p, y = rounded(30, 3), np.arange(30) % 2
    present = np.eye(3)[y][:, :2]
    close(fnn.metrics.roc_auc(p, y), sk.roc_auc_score(present, p[:, :2]))
    close(fnn.metrics.pr_auc(p, y), sk.average_precision_score(present, p[:, :2]))
    with pytest.warns(RuntimeWarning, match="roc_auc is NaN, since it needs samples of a class, and others") as seen:
        assert np.isnan(fnn.metrics.roc_auc(p[:, 0], np.ones(30)))
    assert len(seen) == 1
    assert fnn.metrics.pr_auc(p[:, 0], np.ones(30)) == 1
    with pytest.warns(RuntimeWarning, match="pr_auc is NaN, since it needs samples of a class"):
        assert np.isnan(fnn.metrics.pr_auc(p[:, 0], np.zeros(30)))


@pytest.mark.parametrize("seed", range(4))
def test_matthews_and_accuracies(seed: int) -> None:
    p, y, one = rounded(50, 5, seed=seed), generator(seed).integers(0, 4, 50), rounded(50, seed=seed)
    yes, truth = generator(seed + 1).random(50) < 0.3, generator(seed + 2).random((50, 5)) < 0.4
    m = fnn.metrics
    for w in weights(seed, 50):
        close(m.matthews(p, y, w), sk.matthews_corrcoef(y, p.argmax(1), sample_weight=w))
        close(m.matthews(one, yes, w), sk.matthews_corrcoef(yes, one >= 0.5, sample_weight=w))
        assert m.matthews(p, np.ones(50), w) == 0 == m.matthews(np.ones(50), yes, w)
        exact = sk.accuracy_score(truth, p >= 0.5, sample_weight=w)
        close(m.subset_accuracy(p, truth, w), exact)
        metered = {
            m.accuracy(p, y, w): sk.accuracy_score(y, p.argmax(1), sample_weight=w),
            m.accuracy(p, truth, w, threshold=0.5): np.average((p >= 0.5) == truth, axis=0, weights=w).mean(),
            TopK(3)(p, y, w): np.average((p > p[np.arange(50), y][:, None]).sum(1) < 3, weights=w),
        }
        np.testing.assert_allclose(list(metered), list(metered.values()), rtol=1e-6)


@pytest.mark.parametrize("columns", [1, 3])
def test_values(columns: int) -> None:
    y, t = generator(1).normal(size=(2, 40, columns))
    t[5] = 0
    for w in weights(2, 40):
        close(fnn.metrics.r2(y, t, w), sk.r2_score(t, y, sample_weight=w))
        close(fnn.metrics.mape(y, t, w), sk.mean_absolute_percentage_error(t, y, sample_weight=w))
        for name, theirs in {"mae": sk.mean_absolute_error, "mse": sk.mean_squared_error}.items():
            np.testing.assert_allclose(METRICS[name](y, t, w), theirs(t, y, sample_weight=w), rtol=1e-6)
        np.testing.assert_allclose(
            fnn.metrics.rmse(y, t, w) ** 2, sk.mean_squared_error(t, y, sample_weight=w), rtol=1e-6
        )
    for constant in (y, np.ones_like(y)):
        close(fnn.metrics.r2(constant, np.ones_like(y)), sk.r2_score(np.ones_like(y), constant))
    with pytest.warns(RuntimeWarning, match="r2 is NaN, since it needs at least two samples"):
        assert np.isnan(fnn.metrics.r2(y[:1], t[:1]))


def test_nothing_that_has_a_weight() -> None:
    zero = np.zeros(4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for name, metric in METRICS.items():
            if name != "top_5_accuracy":
                assert np.isnan(metric(rounded(4), [0, 1, 1, 0], zero)), name
    assert np.isnan(F1(None)(rounded(4, 3), [0, 1, 1, 0], zero)).all()


def network(shape: tuple[int, ...], *layers: fnn.Layer, loss: Any, metrics: Any) -> fnn.Sequential:
    return fnn.Sequential(layers, input_shape=shape, seed=1).compile("adam", loss, metrics)


ALL = ["precision", "recall", "f1", F1("weighted"), F1(None), "roc_auc", "pr_auc", "accuracy"]


def wanted(p: np.ndarray, y: np.ndarray, w: Any = None, threshold: float | None = None) -> dict[str, float]:
    """All of them, of one classifier, by the functions of arrays."""
    found = {name: METRICS[name](p, y, w, threshold) for name in ALL if isinstance(name, str)}
    found["f1_weighted"] = F1("weighted")(p, y, w, threshold)
    return found | {f"f1_{i}": value for i, value in enumerate(F1(None)(p, y, w, threshold))}


@pytest.mark.parametrize("form", ["labels", "rows"])
@pytest.mark.parametrize("ending", ["softmax", "identity", "log_softmax"])
def test_classes_in_a_network(ending: str, form: str) -> None:
    """Whatever the batches, and whether or not the network computes its own softmax."""
    (x, y), w = blobs(), generator(0).uniform(0, 2, 90)
    net = network((4,), fnn.Dense(3, ending), loss="cross_entropy", metrics=[*ALL, "matthews", TopK(2)])
    p = net.predict(x)
    p = p if ending == "softmax" else np.exp(p - p.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    t = y if form == "labels" else np.eye(3)[y]
    for weight in (None, w):
        logs = net.evaluate(x, t, 7, sample_weight=weight)
        assert logs["matthews"] == pytest.approx(fnn.metrics.matthews(p, y, weight), rel=1e-6)
        assert logs["top_2_accuracy"] == pytest.approx(TopK(2)(p, y, weight), rel=1e-6)
        found = wanted(p, y, weight)
        assert {name: logs[name] for name in found} == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize(
    ("ending", "loss"), [("sigmoid", "binary_cross_entropy"), ("identity", "focal"), ("sigmoid", "mse")]
)
@pytest.mark.parametrize("columns", [1, 3])
def test_sigmoids_in_a_network(columns: int, ending: str, loss: str) -> None:
    """One output is a class, several are labels; of logits the threshold is 0."""
    x, y = blobs()
    truth, w = (y[:, None] >= np.arange(columns)) & (x[:, :1] > 0), generator(1).uniform(0, 2, 90)
    net = network((4,), fnn.Dense(columns, ending), loss=loss, metrics=[*ALL, "subset_accuracy"])
    net.fit(x, truth, verbose=0)
    p = net.predict(x)
    p = p if ending == "sigmoid" else 1 / (1 + np.exp(-p.astype(np.float64)))
    for weight in (None, w):
        logs = net.evaluate(x, truth, 16, sample_weight=weight)
        found = wanted(p, truth, weight, 0.5) | {"subset_accuracy": fnn.metrics.subset_accuracy(p, truth, weight)}
        assert {name: logs[name] for name in found} == pytest.approx(found, rel=1e-5)
    classes = net.classify(x)
    assert classes.dtype == np.int64 and classes.shape == ((90,) if columns == 1 else (90, columns))
    np.testing.assert_array_equal(classes.reshape(p.shape), p >= 0.5)


@pytest.mark.parametrize("weighted", [None, "sample", "position"])
@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_positions(kind: str, weighted: str | None) -> None:
    """Pixels are rows; so are the real steps of sequences, and no others."""
    loss, last = ("cross_entropy", "softmax") if kind == "classes" else ("binary_cross_entropy", "sigmoid")
    threshold = None if kind == "classes" else 0.5
    random = generator(3)

    def targets(*shape: int) -> np.ndarray:
        return random.integers(0, 3, shape) if kind == "classes" else random.random((*shape, 3)) < 0.4

    x, y = random.normal(size=(6, 4, 5, 2)), targets(6, 4, 5)
    w = {None: None, "sample": random.uniform(0.1, 2, 6), "position": random.uniform(0, 2, (6, 4, 5))}[weighted]
    net = network((4, 5, 2), fnn.Conv2D(3, 1, activation=last), loss=loss, metrics=ALL)
    found, logs = wanted(net.predict(x), y, w, threshold), net.evaluate(x, y, 4, sample_weight=w)
    assert {name: logs[name] for name in found} == pytest.approx(found, rel=1e-5)

    x, y, ends = random.normal(size=(6, 5, 2)), targets(6, 5), np.array([1, 5, 3, 2, 5, 4])
    net = network((5, 2), fnn.GRU(4, return_sequences=True), fnn.Dense(3, last), loss=loss, metrics=ALL)
    w, real = w if w is None or w.ndim == 1 else w[:, 0], np.arange(5) < ends[:, None]
    each = None if w is None else np.broadcast_to(w if w.ndim == 2 else w[:, None], real.shape)[real]
    found = wanted(net.predict(x, lengths=ends)[real], y[real], each, threshold)
    logs = net.evaluate(x, y, 4, sample_weight=w, lengths=ends)
    assert {name: logs[name] for name in found} == pytest.approx(found, rel=1e-5)


def test_ignored_labels() -> None:
    (x, y), t = blobs(), blobs()[1].copy()
    t[::3] = 7
    net = network((4,), fnn.Dense(3), loss=fnn.losses.CrossEntropy(ignore=7), metrics=ALL)
    kept = net.evaluate(x[t < 3], y[t < 3])
    assert net.evaluate(x, t) == pytest.approx(kept, rel=1e-5)


def test_logits_that_softmax_cannot_tell_apart() -> None:
    """Of each class the order is that of its probability in exact arithmetic: all of them round to 0 and 1 here."""
    net = network((2,), fnn.Dense(2, initializer="zeros"), loss="cross_entropy", metrics=["roc_auc"])
    net.weights["dense_0.weight"] = np.eye(2)
    x = np.array([[500.0, 0], [600, 0], [700, 0], [800, 0]])
    assert net.evaluate(x, [1, 1, 0, 0])["roc_auc"] == 1


def test_in_training_and_history() -> None:
    """The whole epoch's value and not a mean over batches; validation has its own; several outputs by their names."""
    x, y = blobs()
    inputs = fnn.Input((4,))
    outputs = [fnn.Dense(3, "softmax", name="kind")(inputs), fnn.Dense(2, name="size")(inputs)]
    net = fnn.Network(inputs, outputs, seed=0)
    net.compile(fnn.SGD(0.0), {"kind": "cross_entropy", "size": "mse"}, {"kind": ["f1", F1(None)], "size": ["r2"]})
    t = {"kind": y, "size": x[:, :2]}
    names = [f"{val}{name}" for val in ("", "val_") for name in ("kind_f1", "kind_f1_0", "kind_f1_2", "size_r2")]
    stop = fnn.EarlyStopping("val_kind_f1_1", patience=1)
    history = net.fit(x, t, 8, 2, validation_data=(x, t), callbacks=[stop], verbose=0).history
    p = net.predict(x)
    each = F1(None)(p["kind"], y)
    expected = [fnn.metrics.f1(p["kind"], y), each[0], each[2], fnn.metrics.r2(p["size"], t["size"])]
    np.testing.assert_allclose([history[name][0] for name in names], expected * 2, rtol=1e-6)


def test_what_should_grow() -> None:
    """By the metrics' own word, also with val_, an output, an average or a class; losses and errors never."""
    for name, metric in METRICS.items():
        for each in (name, f"val_{name}", f"val_head_{name}", f"{name}_3", f"{name}_weighted"):
            assert grows(each) == metric.grows == (name not in ("mae", "mse", "rmse", "mape")), each
    assert grows("top_3_accuracy") and grows("macro_f1")
    for name in ("loss", "f1_loss", "val_accuracy_loss", "layer2", "inaccuracy2", "xf1", "recalled"):
        assert not grows(name), name


def test_files_and_copies(tmp_path: Path) -> None:
    metrics = ["accuracy", "f1", F1("micro"), Recall(None), TopK(2), "matthews"]
    (x, y), net = blobs(), classifier(metrics=metrics)
    assert net.metrics == tuple(metrics)
    net.save(tmp_path / "net")
    for twin in (copy.copy(net), copy.deepcopy(net), fnn.load(tmp_path / "net")):
        assert twin.metrics == tuple(metrics) and twin.evaluate(x, y) == net.evaluate(x, y)
    assert classifier(metrics=["f1", F1(), F1("auto")]).metrics == ("f1",)


REFUSED: dict[str, tuple[Any, type, str]] = {
    "average": (lambda: F1("binary"), ValueError, "F1: average 'binary'; known: auto, micro, macro, weighted"),
    "k": (lambda: TopK(0), ValueError, "TopK: k must be an integer from 1"),
    "a class": (lambda: classifier(metrics=[F1]), TypeError, r"got the class F1: use F1\(\)"),
    "unknown": (lambda: classifier(metrics=["auc"]), ValueError, "unknown metric 'auc'; known: accuracy, top_5_acc"),
    "values": (lambda: network((4,), fnn.Dense(2), loss="mse", metrics=["f1"]), ValueError, "predicts values, not"),
    "labels": (
        lambda: network((4,), fnn.Dense(2, "sigmoid"), loss="mse", metrics=["matthews"]),
        ValueError,
        "matthews is for classes",
    ),
    "classes": (lambda: classifier(metrics=["subset_accuracy"]), ValueError, "subset_accuracy is for labels"),
    "top of one": (
        lambda: network((4,), fnn.Dense(1, "sigmoid"), loss="mse", metrics=[TopK(2)]),
        ValueError,
        "top_2_accuracy is for classes",
    ),
    "values of classes": (lambda: classifier(metrics=["r2"]).evaluate(*blobs()), ValueError, "r2 compares values"),
    "two of a name": (
        lambda: classifier(metrics=[F1(None), type("f1_1", (), {"__call__": lambda s, y, t: 0.0})()]),
        ValueError,
        "two would be called 'f1_1' in the logs",
    ),
    "class out of range": (lambda: fnn.metrics.f1(rounded(3, 2), [0, 1, 2]), ValueError, "class numbers from 0 to 1"),
    "classes of one": (lambda: fnn.metrics.f1([0.0, 1, 2], [0, 1, 2]), ValueError, "numbers from 0 to 1, got"),
    "shapes": (lambda: fnn.metrics.r2([0.0, 1], [0, 1, 2]), ValueError, "t: expected 2 targets"),
    "weights": (lambda: fnn.metrics.r2([0.0, 1], [0, 1], [1, -1]), ValueError, "sample_weight: expected numbers >= 0"),
    "NaN": (lambda: fnn.metrics.f1([0.0, np.nan], [0, 1]), ValueError, "have a NaN, which is no class"),
    "NaN rank": (lambda: fnn.metrics.roc_auc([0.0, np.nan], [0, 1]), ValueError, "have a NaN, which has no rank"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    make, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"class": "F2", "version": 1, "settings": {}}, "unknown metric 'F2'"),
        ({"class": "F1", "version": 2, "settings": {}}, "F1: unknown version 2"),
        ({"class": "F1"}, "metric: 'version' is missing"),
    ],
)
def test_a_file_that_names_another_metric(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fnn.metrics.restore(entry, {})
