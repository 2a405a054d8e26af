"""Metrics of masks, maps and images against scikit-learn and SciPy, on arrays and in networks."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import generator
from fastnn.metrics import F1, METRICS, Dice, IoU, PeakSignalToNoise, frechet_distance, grows

sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
linalg = pytest.importorskip("scipy.linalg", reason="SciPy is the oracle")


def maps(seed: int, classes: int, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and labels of maps in which some classes are rare or absent, and no class is right everywhere."""
    random = generator(seed)
    share = random.dirichlet(np.full(classes, 0.5))
    y = random.choice(classes, (count, 6, 7), p=share)
    p = random.dirichlet(np.full(classes, 0.3), y.shape) + 0.4 * np.eye(classes)[y]
    return p, y


@pytest.mark.parametrize("seed", range(6))
def test_iou_and_dice_of_maps(seed: int) -> None:
    """The pixels of all maps together, by class and in every average; one output is background and foreground."""
    classes = 3 + seed
    p, y = maps(seed, classes)
    mask, truth = generator(seed).random((4, 5, 6, 1)), generator(seed + 1).random((4, 5, 6, 1)) < 0.2
    weight = generator(seed + 2).uniform(0.1, 2, y.shape)
    for w in (None, weight):
        options: Any = {"sample_weight": None if w is None else w.ravel(), "zero_division": 0}
        true, found = y.ravel(), p.argmax(-1).ravel()
        for average in ("micro", "macro", "weighted"):
            for ours, theirs in ((IoU, sk.jaccard_score), (Dice, sk.f1_score)):
                wanted = theirs(true, found, average=average, **options)
                assert ours(average)(p, y, w) == pytest.approx(wanted, rel=1e-12)
        each = sk.jaccard_score(true, found, average=None, labels=range(classes), **options)
        np.testing.assert_allclose(IoU(None)(p, y, w), each, rtol=1e-12)
        present = np.isin(np.arange(classes), [*true, *found])
        assert fnn.metrics.mean_iou(p, y, w) == pytest.approx(each[present].mean(), rel=1e-12)
        assert fnn.metrics.dice(p, y, w) == Dice("macro")(p, y, w) == F1("macro")(p, y, w)
        one = generator(seed).uniform(0.1, 2, 4)
        options["sample_weight"] = None if w is None else np.repeat(one, 30)
        yes = (mask >= 0.5).ravel()
        given = mask, truth, None if w is None else one
        assert fnn.metrics.dice(*given) == pytest.approx(sk.f1_score(truth.ravel(), yes, **options), rel=1e-12)
        assert IoU("auto")(*given) == pytest.approx(sk.jaccard_score(truth.ravel(), yes, **options), rel=1e-12)
        both = sk.jaccard_score(truth.ravel(), yes, average="macro", **options)
        assert fnn.metrics.mean_iou(*given) == pytest.approx(both, rel=1e-12)


def test_classes_that_are_absent() -> None:
    """A class of four that is neither wanted nor predicted is left out; one that is only predicted is 0."""
    p = np.eye(4)[[0, 0, 1, 2]]
    assert fnn.metrics.mean_iou(p, [0, 1, 1, 1]) == pytest.approx((1 / 2 + 1 / 3 + 0) / 3)
    np.testing.assert_allclose(IoU(None)(p, [0, 1, 1, 1]), [1 / 2, 1 / 3, 0, 0])
    assert fnn.metrics.mean_iou([0.1, 0.2], [0, 0]) == 1  # there is no foreground
    assert fnn.metrics.dice([0.1, 0.2], [0, 0]) == 0  # 0 / 0, as for f1


@pytest.mark.parametrize("data_range", [1, 255])
def test_psnr(data_range: int) -> None:
    """The mean error over all elements of the epoch, whatever the images' own."""
    random = generator(data_range)
    t = random.random((9, 5, 4, 3)) * data_range
    y = t + data_range * random.normal(0, random.uniform(0.01, 0.2, (9, 1, 1, 1)), t.shape)
    metric = PeakSignalToNoise(data_range)
    assert metric(y, t) == pytest.approx(10 * np.log10(data_range**2 / ((y - t) ** 2).mean()), rel=1e-5)
    w = random.uniform(0, 2, 9)
    error = np.average(((y - t) ** 2).mean((1, 2, 3)), weights=w)
    assert metric(y, t, w) == pytest.approx(10 * np.log10(data_range**2 / error), rel=1e-5)
    assert metric(t, t) == np.inf


def test_in_networks(tmp_path: Any) -> None:
    """Over batches of any size; several sigmoid outputs are labels; files hold the settings, and callbacks know."""
    x = generator(0).normal(size=(7, 6, 5, 2))
    y, image = generator(1).integers(0, 3, (7, 6, 5)), generator(2).random((7, 6, 5, 3))
    inputs = fnn.Input((6, 5, 2))
    outputs = [fnn.Conv2D(3, 3, padding="same", activation="softmax", name="kind")(inputs)]
    outputs += [fnn.Conv2D(3, 1, name=name, activation="sigmoid")(inputs) for name in ("image", "parts")]
    net = fnn.Network(inputs, outputs, seed=0)
    metrics = {"kind": ["mean_iou", "dice", IoU(None)], "image": ["psnr"], "parts": ["mean_iou", Dice("micro")]}
    losses = {"kind": "cross_entropy", "image": "mse", "parts": "binary_cross_entropy"}
    # Outputs that end in sigmoid are labels for metrics of classes, and values for those of values.
    net.compile("adam", losses, metrics)
    t = {"kind": y, "image": image, "parts": image > 0.6}
    net.save(tmp_path / "net")
    logs = net.evaluate(x, t, 3)
    assert fnn.load(tmp_path / "net").evaluate(x, t, 4) == pytest.approx(logs, rel=1e-5)
    p = net.predict(x)
    each = IoU(None)(p["kind"], y)
    wanted = {
        "kind_mean_iou": fnn.metrics.mean_iou(p["kind"], y),
        "kind_dice": fnn.metrics.f1(p["kind"], y),
        **{f"kind_iou_{i}": each[i] for i in range(3)},
        "image_psnr": -10 * np.log10(((p["image"] - image) ** 2).mean()),
        "parts_mean_iou": fnn.metrics.mean_iou(p["parts"], t["parts"], threshold=0.5),
        "parts_dice_micro": F1("micro")(p["parts"], t["parts"], threshold=0.5),
    }
    assert {name: logs[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)
    assert all(grows(f"val_{name}") for name in wanted) and grows("val_iou") and not grows("odious")


def test_names_and_equality() -> None:
    assert [IoU().name, IoU("auto").name, IoU("micro").name, IoU(None).name] == [
        "mean_iou",
        "iou",
        "iou_micro",
        "iou_each",
    ]
    assert METRICS["mean_iou"] == IoU("macro") and METRICS["dice"] != METRICS["f1"]
    assert METRICS["psnr"] == PeakSignalToNoise(1) != PeakSignalToNoise(255)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: IoU("binary"), ValueError, "IoU: average 'binary'; known: auto, micro"),
        (lambda: PeakSignalToNoise(0), ValueError, "PeakSignalToNoise: data_range must be a number >= "),
        (lambda: PeakSignalToNoise("1"), TypeError, "data_range must be a number"),
        (
            lambda: frechet_distance(np.ones(3), np.ones((3, 1))),
            ValueError,
            r"expected a \(n, d\), n at least 2, got \(3,\)",
        ),
        (lambda: frechet_distance(np.ones((3, 1)), np.ones((1, 1))), ValueError, "expected b"),
        (lambda: frechet_distance(np.ones((3, 0)), np.ones((3, 0))), ValueError, "expected a"),
        (lambda: frechet_distance(np.ones((3, 2)), np.ones((3, 1))), ValueError, "differ in the number of features"),
        (
            lambda: frechet_distance(np.ones((3, 2)), [[1, np.nan]] * 3),
            ValueError,
            "b has features that are not finite",
        ),
        (
            lambda: frechet_distance(np.eye(2) * 1e200, np.eye(2)),
            ValueError,
            "a has features beyond 1e60, whose covariances overflow",
        ),
        (lambda: frechet_distance(["a"], np.ones((3, 1))), TypeError, "frechet_distance: a: expected an array"),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(("rows", "columns"), [((60, 50), 8), ((400, 300), 64), ((70, 5), 8), ((3, 4), 1)])
def test_frechet_distance(rows: tuple[int, int], columns: int) -> None:
    """Also of covariances that have no full rank; it is symmetric, and 0 from a set to itself."""
    random = generator(columns)
    a, b = (random.normal(random.normal(), 1, (n, columns)) @ random.normal(size=(columns, columns)) for n in rows)
    covariances = [np.atleast_2d(np.cov(x.T)) for x in (a, b)]
    # sqrtm fails for singular matrices: a little is added to the diagonals, which changes the result by its root.
    root = linalg.sqrtm(np.linalg.multi_dot([c + 1e-10 * np.eye(columns) for c in covariances]))
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(sum(covariances) - 2 * root.real)
    found = frechet_distance(a, b)
    assert type(found) is float and found == pytest.approx(wanted, rel=1e-4)
    assert found == pytest.approx(frechet_distance(b, a), rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6 * np.trace(covariances[0]))
    assert frechet_distance(a.astype(np.float32), b.tolist()) == pytest.approx(found, rel=1e-4)


def test_frechet_distance_of_independent_features() -> None:
    """(m - n)^2 + (s - t)^2 of each feature, whose deviations are s and t; one of them is constant."""
    corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) * np.sqrt(3 / 4)  # covariance I
    a, b = corners * [1, 2] + [0, 1], corners * [3, 0] + [2, 1]
    assert frechet_distance(a, b) == pytest.approx((4 + 4) + (0 + 4), rel=1e-12)
