"""Sequences with lengths of their own: what is beyond them changes no result by a bit, and is not read."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator, normal
from fastnn.data.examples import Examples

STEPS, ROWS = 6, 7
LENGTHS = np.array([3, 6, 1, 4, 4, 2, 5])
IDS, LABELS = generator(1).integers(0, 11, (ROWS, STEPS)), generator(2).integers(0, 5, (ROWS, STEPS))


def network(steps: int) -> fnn.Network:
    layers = [
        fnn.Embedding(11, 6, padding=0),
        fnn.LSTM(9, return_sequences=True),
        fnn.BatchNorm(),
        fnn.Bidirectional(fnn.GRU(8, return_sequences=True), merge="add"),
        fnn.LayerNorm(),
        fnn.Activation("tanh"),
        fnn.SimpleRNN(7, return_sequences=True, reverse=True),
        fnn.Dense(5),
    ]
    net = fnn.Sequential(layers, input_shape=(steps,), seed=3)
    return net.compile(fnn.Adam(1e-2), fnn.losses.CrossEntropy(label_smoothing=0.1, ignore=4), ["accuracy"])


def padded(array: np.ndarray, steps: int, fill: float) -> np.ndarray:
    """With more steps; what is beyond the lengths must not be read."""
    wide = np.full((ROWS, steps, *array.shape[2:]), fill, np.result_type(array, np.asarray(fill)))
    for row, length in enumerate(LENGTHS):
        wide[row, :length] = array[row, :length]
    return wide


def everything(steps: int) -> list[Any]:
    net, x, y = network(steps), padded(IDS, steps, -5), padded(LABELS, steps, 1000)
    weight = generator(3).random((ROWS, STEPS))
    found = [net.predict(x, lengths=LENGTHS)[:, :STEPS], net.classify(x, lengths=LENGTHS)[:, :STEPS]]
    found += net.evaluate(x, y, lengths=LENGTHS).values()
    found += net.evaluate(x, y, 3, padded(weight, steps, np.nan), LENGTHS).values()
    found += [net.train_on_batch(x, y, lengths=LENGTHS), *(net.gradients[name].copy() for name in net.gradients)]
    net.forward(x, training=True, lengths=LENGTHS)
    net.backward(padded(generator(4).standard_normal((ROWS, STEPS, 5)), steps, np.inf))
    history = net.fit(x, y, 3, epochs=2, verbose=0, lengths=LENGTHS, validation_data=(x, y, None, LENGTHS))
    found += [*history.history.values(), *net.weights.values()]
    weighted = net.fit(x, y, 4, verbose=0, lengths=LENGTHS, class_weight={0: 2.0, 3: 0.5})
    return [*found, *weighted.history.values()]


def test_padding_changes_no_bit(isa: str) -> None:
    wanted = everything(STEPS)
    for steps in (STEPS + 1, STEPS + 7):
        for found, expected in zip(everything(steps), wanted, strict=True):
            assert_same_bits(np.atleast_1d(found), np.atleast_1d(expected))


def test_a_sequence_alone_has_the_same_bits() -> None:
    """As long as it is, without lengths: as in a batch of others, with padding."""
    net = network(STEPS)
    together = net.predict(padded(IDS, STEPS, -1), lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        alone = network(int(length))
        for name in net.weights:
            alone.weights[name] = net.weights[name]
        assert_same_bits(alone.predict(IDS[row : row + 1, :length])[0], together[row, :length])
        assert not together[row, length:].any()


@pytest.mark.parametrize("kind", [fnn.LSTM, fnn.GRU, fnn.SimpleRNN])
def test_sequences_that_begin_later_begin_without_a_state_too(isa: str, kind: type[Any]) -> None:
    """In reverse, short sequences begin when long ones have started: zeros times an infinite weight would be NaN."""
    net = fnn.Sequential([kind(5, reverse=True, name="layer")], input_shape=(STEPS, 3), seed=0)
    net.weights["layer.recurrent_weight"][0, 0] = np.inf
    x = generator(8).standard_normal((ROWS, STEPS, 3)).astype(np.float32)
    together = net.predict(x, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        assert_same_bits(net.predict(x[row : row + 1], lengths=[length])[0], together[row])
    assert np.isfinite(together).all()


def test_full_lengths_are_none() -> None:
    for first in ([], [fnn.Dense(6, "relu")]):
        nets = []
        for lengths in (None, np.full(ROWS, STEPS)):
            layers = [*first, fnn.LSTM(9, return_sequences=True), fnn.GlobalAvgPool(), fnn.Dense(2)]
            net = fnn.Sequential(layers, input_shape=(STEPS, 4), seed=0).compile("adam", "mse")
            x, y = generator(5).standard_normal((ROWS, STEPS, 4)), generator(6).standard_normal((ROWS, 2))
            net.fit(x, y, 3, epochs=2, verbose=0, lengths=lengths)
            nets.append(net)
        assert_same_bits(nets[0].parameters, nets[1].parameters)


def test_same_bits_on_threads() -> None:
    found = []
    for threads in (1, 2, 3):
        with fnn.threads(threads):
            net = fnn.Sequential([fnn.LSTM(128, True), fnn.Dense(16)], input_shape=(20, 64), seed=0)
            net.compile("adam", "mse")
            x, y = generator(7).standard_normal((48, 20, 64)), generator(8).standard_normal((48, 20, 16))
            net.fit(x, y, 24, verbose=0, lengths=generator(9).integers(1, 21, 48))
            found.append(net.parameters.copy())
    assert_same_bits(found[0], found[1])
    assert_same_bits(found[0], found[2])


def test_means_are_over_the_steps_that_there_are() -> None:
    net = fnn.Sequential([fnn.LSTM(9, return_sequences=True), fnn.Dense(5)], input_shape=(STEPS, 4), seed=3)
    net.compile("adam", "mse", ["mae", "rmse"])
    x, y = generator(1).standard_normal((ROWS, STEPS, 4)), generator(2).standard_normal((ROWS, STEPS, 5))
    there = np.arange(STEPS) < LENGTHS[:, None]
    error = net.predict(x, lengths=LENGTHS) - y
    logs = net.evaluate(padded(x, STEPS, np.nan), padded(y, STEPS, np.nan), lengths=LENGTHS)
    assert logs["loss"] == pytest.approx((error[there] ** 2).mean(), rel=1e-5)
    assert logs["mae"] == pytest.approx(np.abs(error[there]).mean(), rel=1e-5)
    assert logs["rmse"] == pytest.approx(np.sqrt((error[there] ** 2).mean()), rel=1e-5)
    weight = np.arange(ROWS) * there.T
    logs = net.evaluate(x, y, sample_weight=np.arange(ROWS), lengths=LENGTHS)
    assert logs["loss"] == pytest.approx(((error**2).mean(axis=-1) * weight.T).sum() / weight.sum(), rel=1e-5)


@pytest.mark.parametrize("pool", [fnn.GlobalMaxPool, fnn.GlobalAvgPool])
def test_pooling_over_time(pool: type[fnn.Layer]) -> None:
    x = padded(generator(3).standard_normal((ROWS, STEPS, 4)), STEPS, 1e30)
    net = fnn.Sequential([fnn.Activation("identity"), pool(), fnn.Dense(2)], input_shape=(STEPS, 4), seed=0)
    wanted = [(row.max if pool is fnn.GlobalMaxPool else row.mean)(axis=0) for row in map(cut, x, LENGTHS)]
    dense = fnn.Sequential(net.layers[-1:], input_shape=(4,), seed=0)
    for name in dense.weights:
        dense.weights[name] = net.weights[name]
    np.testing.assert_allclose(net.predict(x, lengths=LENGTHS), dense.predict(wanted), rtol=1e-5, atol=1e-6)
    net.compile("sgd", "mse")
    net.forward(x, training=True, lengths=LENGTHS)
    dx = net.backward(np.ones((ROWS, 2)))
    into = net.weights["dense_0.weight"].sum(axis=1)
    np.testing.assert_allclose(dx.sum(axis=1), np.broadcast_to(into, (ROWS, 4)), rtol=1e-5)
    assert not any(row[length:].any() for row, length in zip(dx, LENGTHS, strict=True))


def cut(row: np.ndarray, length: int) -> np.ndarray:
    return row[:length]


LSTM = fnn.Sequential([fnn.LSTM(3, return_sequences=True), fnn.Dense(2)], input_shape=(4, 5), seed=0)
LSTM.compile("adam", "mse")
X, Y = np.ones((3, 4, 5)), np.ones((3, 4, 2))

BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "0": ([1, 0, 1], ValueError, r"lengths\[1\] is 0; expected an integer from 1 to 4"),
    "negative": ([1, 2, -1], ValueError, r"lengths\[2\] is -1"),
    "longer than the data": ([5, 4, 1], ValueError, r"lengths\[0\] is 5; .* 1 to 4"),
    "huge": ([2**40, 4, 1], ValueError, r"lengths\[0\] is 1099511627776"),
    "a fraction": ([1, 1.5, 1], ValueError, r"lengths\[1\] is 1.5"),
    "NaN": ([1, np.nan, 1], ValueError, r"lengths\[1\] is nan"),
    "too few": ([1, 2], ValueError, r"lengths: expected \(3,\), .*got shape \(2,\)"),
    "too many dimensions": (np.ones((3, 2)), ValueError, r"lengths: expected \(3,\)"),
    "text": (["1", "2", "3"], TypeError, "lengths: .*numbers"),
    "a number": (4, ValueError, r"lengths: expected \(3,\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_lengths(name: str) -> None:
    lengths, error, message = BAD[name]
    before = LSTM.parameters.copy(), LSTM.counters.copy()
    calls = {
        "predict": lambda: LSTM.predict(X, lengths=lengths),
        "evaluate": lambda: LSTM.evaluate(X, Y, lengths=lengths),
        "fit": lambda: LSTM.fit(X, Y, lengths=lengths, verbose=0, shuffle=False),
        "train_on_batch": lambda: LSTM.train_on_batch(X, Y, lengths=lengths),
        "forward": lambda: LSTM.forward(X, training=True, lengths=lengths),
    }
    for call in calls.values():
        with pytest.raises(error, match=message):
            call()
    assert_same_bits(LSTM.parameters, before[0])
    assert LSTM.counters.update == before[1].update


def test_layers_that_take_sequences_as_a_whole_refuse_lengths() -> None:
    for layer in (fnn.Flatten(), fnn.Conv1D(3, 2), fnn.MaxPool1D(), fnn.Reshape((2, -1))):
        net = fnn.Sequential([layer, fnn.Flatten(), fnn.Dense(2)], input_shape=(4, 5), seed=0).compile("adam", "mse")
        net.predict(X)
        with pytest.raises(ValueError, match="reads whole sequences, so lengths cannot be applied"):
            net.train_on_batch(X, np.ones((3, 2)), lengths=[1, 2, 3])
    net = fnn.Sequential([fnn.Dense(2)], input_shape=(4,), seed=0).compile("adam", "cross_entropy")
    with pytest.raises(ValueError, match="lengths are for sequences"):
        net.predict(np.ones((3, 4)), lengths=[1, 2, 3])
    pictures = fnn.Sequential([fnn.Dense(2)], input_shape=(2, 3, 4), seed=0).compile("adam", "cross_entropy")
    for each, x in ((net, np.ones((3, 4))), (pictures, np.ones((3, 2, 3, 4)))):
        labels = np.zeros((3, *x.shape[1:-1]), int)
        with pytest.raises(ValueError, match="lengths are for sequences"):
            each.fit(x, labels, lengths=[1, 2, 2], class_weight={0: 2.0}, verbose=0)
    with pytest.raises(ValueError, match="reads whole sequences"):
        fnn.Sequential([fnn.LSTM(2, True)], input_shape=(4, 5)).compile(
            "adam", lambda y, t: (0.0, np.zeros_like(y))
        ).train_on_batch(X, Y, lengths=[1, 2, 3])


def test_an_id_beside_a_sequence() -> None:
    """One id, such as that of a user, is not a sequence."""
    x, user = fnn.Input((4, 5)), fnn.Input((1,))
    joined = fnn.Concatenate()([fnn.LSTM(3)(x), fnn.Flatten()(fnn.Embedding(9, 2)(user))])
    net = fnn.Network([x, user], fnn.Dense(2)(joined), seed=0)
    ids, changed = np.array([[8], [0], [3]]), X.copy()
    changed[0, 2:] = np.nan
    assert_same_bits(net.predict([changed, ids], lengths=[2, 4, 4]), net.predict([X, ids], lengths=[2, 4, 4]))
    assert_same_bits(net.predict([X, ids], lengths=[2, 4, 4])[1:], net.predict([X, ids])[1:])


def test_gradients() -> None:
    """They are right, 0 beyond the lengths, and no padding changes a bit of them."""
    layers = [fnn.LSTM(4, return_sequences=True), fnn.Bidirectional(fnn.GRU(3, return_sequences=True)), fnn.Dense(2)]
    net = fnn.Sequential(layers, input_shape=(4, 5), seed=0).compile("adam", "mse")
    rng = generator(8)
    x, y, lengths = rng.standard_normal((3, 4, 5)), rng.standard_normal((3, 4, 2)), np.array([2, 4, 1])
    fnn.check_gradients(net, x, y, lengths=lengths)
    dx, parameters = net.gradient(x, y, lengths=lengths)
    beyond = np.arange(4) >= lengths[:, None]
    assert not dx[beyond].any() and dx[~beyond].all()
    x[beyond], y[beyond] = np.nan, 1e30
    fnn.check_gradients(net, x, y, lengths=lengths)
    again, others = net.gradient(x, y, lengths)
    assert_same_bits(again, dx)
    for name, values in parameters.items():
        assert_same_bits(others[name], values)
    net.train_on_batch(x, y, lengths=lengths)
    for name, values in parameters.items():
        assert_same_bits(net.gradients[name], values)


@pytest.mark.parametrize("times", [1, 4])
def test_sequences_of_ids_alone(times: int) -> None:
    """Also of one step; and without a recurrent layer."""
    for last in ([fnn.LSTM(3)], [fnn.GlobalAvgPool()]):
        net = fnn.Sequential([fnn.Embedding(9, 3), *last, fnn.Dense(2)], input_shape=(times,), seed=0)
        ids = generator(5).integers(0, 9, (6, times))
        assert_same_bits(net.predict(ids, lengths=[times] * 6), net.predict(ids))
        with pytest.raises(ValueError, match=f"length.*{times + 1}"):
            net.predict(ids, lengths=[times + 1] * 6)


def test_a_batch_whose_inputs_happen_to_have_equal_lengths() -> None:
    """It trains like others, where the first batch has different ones."""

    def net() -> fnn.Network:
        source, target = fnn.Input((None, 3), "source"), fnn.Input((None, 3), "target")
        read = fnn.MultiHeadAttention(1, 4)([target, fnn.LSTM(4, return_sequences=True)(source)])
        return fnn.Network([source, target], fnn.Dense(2)(read), seed=0).compile("sgd", "mse")

    whole, alone, batches = net(), net(), []
    for source, target in (([2, 3], [4, 1]), ([3, 2], [3, 2])):
        x, y = [normal(2, max(source), 3), normal(2, max(target), 3)], normal(2, max(target), 2)
        batches.append((x, y, None, {"source": source, "target": target}))
        alone.train_on_batch(x, y, lengths=batches[-1][-1])
    whole.fit(lambda: iter(batches), epochs=1, verbose=0)
    for name, weight in whole.weights.items():
        assert_same_bits(weight, alone.weights[name])


def test_lengths_that_are_apart() -> None:
    x, equal, own = np.zeros((2, 3)), np.array([2, 3]), np.array([1, 3])
    both = Examples([x, x, x], [], (), lengths=[equal], ending=(0, -1, 0)).apart((0, -1, 1))
    assert both.ending == (0, -1, 1) and both.lengths[0] is both.lengths[1] is equal
    for lengths, ending, wanted in (([equal], (0, -1, -1), (0, -1, 1)), ([equal, own], (0, -1, 1), (0, -1, 0))):
        given = Examples([x, x, x], [], (), lengths=lengths, ending=ending)
        assert given.apart(wanted) is given and given.apart(()) is given
    assert Examples([x], [], ()).apart((0,)).ending == ()
