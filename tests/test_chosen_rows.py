"""rows=: some samples of all arrays, in any order: the bits of x[rows], y[rows] and so on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import normal

COUNT = 40
X, Y = normal(COUNT, 4), normal(COUNT, 3, start=1)
WEIGHT, INDEX = np.arange(COUNT) % 5 / 2, np.arange(COUNT) * 2 % 3
#: More than there are samples, repeated and out of order.
ROWS = np.random.default_rng(0).integers(0, COUNT, 53)


def network(loss: Any = "mse", metrics: Any = ("mae", "r2")) -> fnn.Sequential:
    layers = [fnn.Dense(5, "tanh"), fnn.Dense(3)]
    return fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", loss, metrics)


@pytest.mark.parametrize("rows", [ROWS, ROWS[:7], ROWS.astype(np.uint8), ROWS[::-1], list(map(int, ROWS))])
@pytest.mark.parametrize("given", [{}, {"sample_weight": WEIGHT}, {"sample_weight": WEIGHT, "choose": INDEX}])
def test_train_on_batch(rows: Any, given: dict[str, np.ndarray]) -> None:
    y = Y[:, 0].copy() if "choose" in given else Y
    a, b = network(), network()
    for x, t in ((X, y), (X.astype(np.float64), y), (np.asfortranarray(X), y)):
        index = np.array(rows)
        taken = {name: array[index] for name, array in given.items()}
        assert a.train_on_batch(x, t, rows=rows, **given) == b.train_on_batch(x[index], t[index], **taken)
    assert np.array_equal(a.parameters, b.parameters)


@pytest.mark.parametrize("shuffle", [True, False])
def test_fit_and_evaluate(shuffle: bool) -> None:
    a, b = network(), network()
    options: dict[str, Any] = {
        "epochs": 3,
        "batch_size": 8,
        "shuffle": shuffle,
        "verbose": 0,
        "evaluate_training": True,
    }
    found = a.fit(X, Y, sample_weight=WEIGHT, rows=ROWS, **options)
    wanted = b.fit(X[ROWS], Y[ROWS], sample_weight=WEIGHT[ROWS], **options)
    assert np.array_equal(a.parameters, b.parameters)
    assert found.history == wanted.history
    assert a.evaluate(X, Y, rows=ROWS, sample_weight=WEIGHT) == b.evaluate(X[ROWS], Y[ROWS], sample_weight=WEIGHT[ROWS])


def test_validation_split() -> None:
    labels = INDEX.astype(np.int64)
    a, b = network("cross_entropy", ["accuracy"]), network("cross_entropy", ["accuracy"])
    options: dict[str, Any] = {"epochs": 2, "validation_split": 0.25, "verbose": 0, "class_weight": {1: 2.0}}
    found = a.fit(X, labels, rows=ROWS, **options)
    wanted = b.fit(X[ROWS], labels[ROWS], **options)
    assert np.array_equal(a.parameters, b.parameters)
    assert found.history == wanted.history


def test_predict_and_classify() -> None:
    net = network("cross_entropy", ())
    assert np.array_equal(net.predict(X, rows=ROWS), net.predict(X[ROWS]))
    assert np.array_equal(net.predict(X, rows=ROWS, batch_size=4), net.predict(X[ROWS]))
    assert np.array_equal(net.classify(X, rows=ROWS[:3]), net.classify(X[ROWS[:3]]))


def test_sequences_and_several_inputs() -> None:
    x, lengths, extra = normal(COUNT, 6, 2), np.arange(COUNT) % 6 + 1, normal(COUNT, 3)
    steps, other = fnn.Input((6, 2), name="steps"), fnn.Input((3,), name="other")
    joined = fnn.Concatenate()([fnn.LSTM(4)(steps), other])
    net = fnn.Network([steps, other], fnn.Dense(3)(joined), seed=0).compile("adam", "mse")
    twin = fnn.Network([steps, other], fnn.Dense(3)(joined), seed=0)
    twin.compile("adam", "mse")
    twin.weights  # noqa: B018
    assert np.array_equal(
        net.predict([x, extra], rows=ROWS, lengths=lengths), net.predict([x[ROWS], extra[ROWS]], lengths=lengths[ROWS])
    )
    found = net.evaluate([x, extra], Y, rows=ROWS, lengths=lengths)
    assert found == net.evaluate([x[ROWS], extra[ROWS]], Y[ROWS], lengths=lengths[ROWS])


def test_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    net = network()
    assert np.array_equal(net.predict(mapped, rows=ROWS), net.predict(X[ROWS]))
    a, b = network(), network()
    a.fit(tmp_path / "x.npy", Y, rows=ROWS, verbose=0)
    b.fit(X[ROWS], Y[ROWS], verbose=0)
    assert np.array_equal(a.parameters, b.parameters)


def test_bad_data_have_their_own_numbers() -> None:
    net, x = network(), X.copy()
    x[17, 2] = np.nan
    with pytest.raises(ValueError, match=r"x\[17, 2\] is nan"):
        net.train_on_batch(x, Y, rows=np.array([3, 17, 5]))
    net.train_on_batch(x, Y, rows=np.array([3, 18, 5]))
    with pytest.raises(ValueError, match=r"x\[17, 2\] is nan"):
        net.fit(x, Y, rows=[3, 17, 5], verbose=0)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([0, -1], ValueError, r"rows\[1\] is -1; expected from 0 to 39, for 40 samples"),
        (np.array([0, 1, 40]), ValueError, r"rows\[2\] is 40; expected from 0 to 39"),
        (np.array([2**62]), ValueError, r"rows\[0\] is 4611686018427387904"),
        ([[0, 1]], ValueError, r"rows: expected \(n,\), the numbers of one or more samples, got shape \(1, 2\)"),
        (np.array([], int), ValueError, r"rows: expected \(n,\)"),
        ([], ValueError, r"rows: expected \(n,\), the numbers of one or more samples, got shape \(0,\)"),
        ([0.5], TypeError, "rows: expected integers, got dtype float64"),
        (np.ones(COUNT, bool), TypeError, r"rows: expected the numbers of samples, got bool; np.flatnonzero\(mask\)"),
    ],
)
def test_what_is_refused(rows: Any, error: type[Exception], message: str) -> None:
    net = network()
    before = net.parameters.copy()
    for call in (net.train_on_batch, net.evaluate):
        with pytest.raises(error, match=message):
            call(X, Y, rows=rows)
    with pytest.raises(error, match=message):
        net.fit(X, Y, rows=rows, verbose=0)
    with pytest.raises(error, match=message):
        net.predict(X, rows=rows)
    assert np.array_equal(net.parameters, before)


def test_of_data_that_have_no_rows() -> None:
    net = network()
    for data in (fnn.data.Loader((X, Y)), lambda: iter([(X, Y)])):
        with pytest.raises(TypeError, match="rows: takes samples of arrays"):
            net.fit(data, rows=ROWS, verbose=0)
    with pytest.raises(ValueError, match="counts all samples"):
        network("cross_entropy", ()).fit(X, INDEX, rows=ROWS, class_weight="balanced", verbose=0)
