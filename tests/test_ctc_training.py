"""Training with connectionist temporal classification: every way of giving data, weights, files, errors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference_ctc
from check import assert_close, assert_same_bits, generator, normal

TIMES, CLASSES = 12, 4
Data = tuple[np.ndarray, np.ndarray, np.ndarray]


def sequences(count: int, seed: int = 0) -> Data:
    """One to three labels, each a pulse in a channel of its own at a random frame; and the lengths."""
    random = generator(seed)
    x = random.normal(0, 0.1, (count, TIMES, CLASSES - 1)).astype(np.float32)
    y, lengths = np.full((count, 3), -1), random.integers(7, TIMES + 1, count)
    for i in range(count):
        frames = np.sort(random.choice(int(lengths[i]) // 2, random.integers(0, 4), replace=False)) * 2
        y[i, : len(frames)] = random.integers(1, CLASSES, len(frames))
        x[i, frames, y[i, : len(frames)] - 1] += 1
    return x, y, lengths


def network(
    ending: str = "identity", recurrent: bool = True, loss: Any = "ctc", classes: int = CLASSES, **options: Any
) -> fnn.Sequential:
    first = fnn.LSTM(16, return_sequences=True) if recurrent else fnn.Dense(16, "tanh")
    net = fnn.Sequential([first, fnn.Dense(classes, ending)], input_shape=(TIMES, CLASSES - 1), seed=0)
    return net.compile(fnn.Adam(0.01), loss, **options)


def expected(net: fnn.Sequential, given: Data, weight: Any = None) -> float:
    """The twin's loss of a network of logits."""
    x, y, lengths = given
    logits = net.predict(x, lengths=lengths).reshape(len(x), -1)
    return reference_ctc.CTC(logits, y, (y >= 0).sum(axis=1), weight, lengths, classes=CLASSES)[0]


def test_it_learns() -> None:
    x, y, lengths = sequences(400)
    unseen = sequences(100, 1)
    net = network()
    history = net.fit(x, y, lengths=lengths, epochs=15, validation_data=(*unseen[:2], None, unseen[2]), verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] / 5
    assert history.history["val_loss"][-1] == pytest.approx(expected(net, unseen), rel=1e-5)
    found = fnn.decode.ctc_greedy(net.predict(unseen[0], lengths=unseen[2]), unseen[2])
    assert fnn.metrics.error_rate(found, [row[row >= 0] for row in unseen[1]]) < 0.1


@pytest.mark.parametrize("recurrent", [True, False])
def test_softmax_and_logits_are_the_same(recurrent: bool) -> None:
    x, y, lengths = sequences(20)
    for given in ({}, {"lengths": lengths}):
        nets = [network(ending, recurrent) for ending in ("identity", "softmax", "log_softmax")]
        for net in nets:
            net.fit(x, y, epochs=2, verbose=0, **given)
        for net in nets[1:]:
            assert_same_bits(net.vector(), nets[0].vector())


@pytest.mark.parametrize("recurrent", [True, False])
def test_gradients(recurrent: bool) -> None:
    x, y, _ = sequences(6)
    fnn.check_gradients(network(recurrent=recurrent), x, y)


def test_evaluate_and_sample_weight() -> None:
    given = x, y, lengths = sequences(50)
    net, weight = network(), np.arange(50) % 3
    assert_close(net.evaluate(x, y, lengths=lengths)["loss"], expected(net, given))
    weighted = net.evaluate(x, y, lengths=lengths, sample_weight=weight)["loss"]
    assert_close(weighted, expected(net, given, weight))
    alone = [expected(net, tuple(each[i : i + 1] for each in given)) for i in range(5)]
    assert_close(net.losses(x[:5], y[:5], lengths=lengths[:5]), alone)


def test_targets_of_any_width() -> None:
    """Padding is ignored, and batches may have as many labels as they need; integers and floats are read."""
    x, y, lengths = sequences(30)
    wide = np.concatenate([y, np.full((30, TIMES - 3), -1)], axis=1)
    net, other = network(), network()
    for i in range(0, 30, 10):
        rows = slice(i, i + 10)
        loss = net.train_on_batch(x[rows], y[rows], lengths=lengths[rows])
        assert loss == other.train_on_batch(x[rows], wide[rows, : 3 + i // 4].astype(float), lengths=lengths[rows])
    assert_same_bits(net.vector(), other.vector())
    assert net.evaluate(x, y, lengths=lengths) == net.evaluate(x, wide, lengths=lengths)


def test_batches_of_a_function() -> None:
    x, y, lengths = sequences(40)
    wide = np.concatenate([y, np.full((40, 1), -1)], axis=1)

    def batches() -> Any:
        for i in (0, 20):
            rows = slice(i, i + 20)
            yield x[rows], wide[rows, : 3 + i // 20], None, lengths[rows]

    net, other = network(), network()
    net.fit(batches, epochs=2, verbose=0)
    other.fit(x, y, lengths=lengths, batch_size=20, shuffle=False, epochs=2, verbose=0)
    assert_same_bits(net.vector(), other.vector())


@pytest.mark.parametrize("weights", [None, {"labels": 0.5, "kind": 2.0}])
def test_several_outputs(weights: dict[str, float] | None) -> None:
    x, y, lengths = sequences(30)
    inputs = fnn.Input((TIMES, CLASSES - 1))
    h = fnn.LSTM(8, return_sequences=True)(inputs)
    outputs = [fnn.Dense(CLASSES, "softmax", name="labels")(h), fnn.Dense(1, name="kind")(fnn.LSTM(4)(h))]
    net = fnn.Network(inputs, outputs, seed=0)
    net.compile("adam", {"labels": "ctc", "kind": "mse"}, {"kind": ["mae"]}, loss_weights=weights)
    targets = {"labels": y, "kind": normal(30, 1)}
    fnn.check_gradients(net, x, targets)
    history = net.fit(x, targets, lengths=lengths, epochs=3, verbose=0).history
    assert history["labels_loss"][-1] < history["labels_loss"][0]


def test_files(tmp_path: Path) -> None:
    x, y, lengths = sequences(10)
    net = network(loss=fnn.losses.CTC(blank=3, ignore_impossible=True))
    y[y == 3] = 0
    net.fit(x, y, lengths=lengths, verbose=0)
    net.save(tmp_path / "net.safetensors")
    again = fnn.load(tmp_path / "net.safetensors")
    assert again.loss == net.loss and again.loss.blank == 3
    assert again.evaluate(x, y, lengths=lengths) == net.evaluate(x, y, lengths=lengths)
    for each in (net, again):
        each.fit(x, y, lengths=lengths, verbose=0)
    assert_same_bits(again.vector(), net.vector())


def test_other_ways_to_train() -> None:
    x, y, lengths = sequences(60)
    net = network()
    net.fit(x, y, lengths=lengths, validation_split=0.2, epochs=2, verbose=0)
    net.plan(8, training=True).profile()
    net.compile(fnn.LBFGS(), "ctc").fit(x, y, batch_size=60, epochs=3, verbose=0)
    assert np.isfinite(net.evaluate(x, y)["loss"])
    assert net.classify(x, lengths=lengths).shape == (60, TIMES)


def test_impossible_sequences() -> None:
    x, y, lengths = sequences(8)
    y[2], y[2, :3] = -1, [1, 1, 2]
    lengths[2] = 3
    before = network()
    net = network()
    with pytest.raises(ValueError, match=r"y\[2\] has 3 labels, 1 of them equal .* needs 4 frames, but has 3; leave"):
        net.train_on_batch(x, y, lengths=lengths)
    assert_same_bits(net.vector(), before.vector())
    net = network(loss=fnn.losses.CTC(ignore_impossible=True))
    kept = np.arange(8) != 2
    loss = net.evaluate(x, y, lengths=lengths)["loss"]
    assert_close(loss, net.evaluate(x[kept], y[kept], lengths=lengths[kept])["loss"] * 7 / 8)
    value, dy = fnn.losses.CTC(ignore_impossible=True)(np.zeros((1, 2, 3)), [[1, 1]])
    assert value == 0 and not dy.any()


def test_eager_lengths_and_weights() -> None:
    x, (_, y, lengths) = normal(10, TIMES, CLASSES), sequences(10)
    count, weight = (y >= 0).sum(axis=1), np.arange(10) % 3
    for given in (None, weight):
        loss, dy = fnn.losses.ctc(x, y, given, lengths)
        wanted, gradient = reference_ctc.CTC(x, y, count, given, lengths, classes=CLASSES)
        assert_close(loss, wanted)
        assert_close(dy.reshape(10, -1), gradient, 0.3, 1e-5)
    with pytest.raises(ValueError, match=r"lengths\[1\] is 13; expected an integer from 1 to 12"):
        fnn.losses.ctc(x[:2], y[:2], lengths=[12, 13])


X, Y = np.zeros((2, TIMES, CLASSES - 1), np.float32), np.ones((2, 1))
WRONG = {
    "blank": (lambda: fnn.losses.CTC(blank=-1), "blank must be an integer"),
    "flag": (lambda: fnn.losses.CTC(ignore_impossible=1), "ignore_impossible"),
    "blank of outputs": (lambda: network(loss=fnn.losses.CTC(4)), "the blank is 4, but classes are 0 to 3"),
    "rank": (
        lambda: fnn.Sequential([fnn.Dense(4)], input_shape=(3,)).compile("sgd", "ctc"),
        r"ctc: expected outputs \(batch, frames, classes\).* got \(batch, 4\)",
    ),
    "one class": (lambda: network(classes=1), r"the blank and at least one more class, got \(batch, 12, 1\)"),
    "ending": (lambda: network("relu"), "ctc: the output activation must be softmax, or identity for logits"),
    "metric": (lambda: network(metrics=["accuracy"]), "metrics: the targets of ctc are not values of the outputs"),
    "own metric": (lambda: network(metrics=[lambda y, t: 0.0]), "metrics: the targets of ctc are not values"),
    "labels": (lambda: network().fit(X, np.ones(2), verbose=0), r"y: expected labels \(2, n\), rows padded by -1"),
    "too wide": (lambda: network().fit(X, np.ones((2, 13)), verbose=0), "n from 1 to the number of frames, 12"),
    "none": (lambda: network().fit(X, np.ones((2, 0)), verbose=0), "n from 1 to the number of frames"),
    "count": (lambda: network().fit(X, np.ones((3, 1)), verbose=0), r"expected labels \(2, n\)"),
    "range": (lambda: network().fit(X, 4 * Y, verbose=0), r"y\[[01], 0\] is 4.0; expected an integer label from 0"),
    "is blank": (lambda: network().evaluate(X, 0 * Y), r"y\[0, 0\] is 0.0, the blank"),
    "weights": (
        lambda: network().evaluate(X, Y, sample_weight=np.ones((2, TIMES))),
        "ctc: it is of sequences as a whole; expected sample_weight",
    ),
    "class weight": (
        lambda: network().fit(X, Y, class_weight={1: 2.0}, verbose=0),
        "class_weight: the targets of ctc are not classes; use sample_weight",
    ),
    "choose": (lambda: network().train_on_batch(X, Y, choose=[0, 1]), "choose: ctc compares rows as a whole"),
    "eager": (lambda: fnn.losses.ctc(np.zeros((2, 4)), Y), r"expected outputs \(batch, frames, classes\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises((TypeError, ValueError), match=message):
        call()
