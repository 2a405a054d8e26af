"""Lengths beyond recurrent layers: windows over time, and inputs that each have their own."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator

X, LENGTHS = generator(1).standard_normal((5, 12, 3)).astype(np.float32), np.array([12, 7, 9, 6, 11])

#: Layers of windows, with the steps that they make of a sequence.
WINDOWS: dict[str, tuple[list[fnn.Layer], Any]] = {
    "same": ([fnn.Conv1D(4, 3, padding="same", activation="tanh")], lambda n: n),
    "valid": ([fnn.Conv1D(4, 5, activation="relu")], lambda n: n - 4),
    "strides": ([fnn.Conv1D(4, 3, strides=2, bias=False)], lambda n: (n - 3) // 2 + 1),
    "dilated and causal": ([fnn.Conv1D(4, 2, dilation=3, padding=((3, 0),))], lambda n: n),
    "max": ([fnn.MaxPool1D(3, strides=2)], lambda n: (n - 3) // 2 + 1),
    "mean": ([fnn.AvgPool1D(2)], lambda n: n // 2),
    "padded before": ([fnn.MaxPool1D(2, strides=1, padding=((1, 0),))], lambda n: n),
    "transposed": ([fnn.Conv1DTranspose(4, 5, strides=2, activation="tanh")], lambda n: 2 * n + 3),
    "transposed, same": ([fnn.Conv1DTranspose(4, 4, strides=3, padding="same")], lambda n: 3 * n),
    "transposed, cut": ([fnn.Conv1DTranspose(4, 3, padding=((2, 1),), dilation=2)], lambda n: n + 1),
    "depthwise": ([fnn.DepthwiseConv1D(3, 2, multiplier=2, activation="relu")], lambda n: (n - 3) // 2 + 1),
    "separable": ([fnn.SeparableConv1D(4, 4, padding="same", dilation=2)], lambda n: n),
    "longer": ([fnn.UpSample1D(3)], lambda n: 3 * n),
    "bordered": ([fnn.ZeroPad1D(((2, 1),)), fnn.Conv1D(4, 3)], lambda n: n + 1),
    "cropped": ([fnn.Crop1D(((1, 2),))], lambda n: n - 3),
    "several": (
        [fnn.Conv1D(4, 3, padding="same"), fnn.BatchNorm(), fnn.MaxPool1D(2), fnn.Conv1D(5, 2), fnn.LayerNorm()],
        lambda n: n // 2 - 1,
    ),
}


def network(layers: list[fnn.Layer], steps: int | None) -> fnn.Network:
    copies = [type(layer)(**layer.settings()) for layer in layers]
    return fnn.Sequential([*copies, fnn.Dense(2)], input_shape=(steps, 3), seed=1).compile("adam", "mse", ["mae", "r2"])


@pytest.mark.parametrize("name", WINDOWS)
def test_each_sequence_as_alone(name: str, num_threads: int, isa: str) -> None:
    layers, count = WINDOWS[name]
    net = network(layers, 12)
    y = net.predict(X, lengths=LENGTHS)
    padding = X.copy()
    for row, length in zip(padding, LENGTHS, strict=True):
        row[length:] = np.nan
    assert_same_bits(net.predict(padding, lengths=LENGTHS), y)
    for i, length in enumerate(LENGTHS):
        steps = count(int(length))
        alone = network(layers, int(length))
        alone.copy_weights(net)
        assert_same_bits(alone.predict(X[i : i + 1, :length])[0], y[i, :steps])
        assert not y[i, steps:].any()


@pytest.mark.parametrize("name", [name for name in WINDOWS if name != "max"])
def test_gradients(name: str) -> None:
    layers, count = WINDOWS[name]
    net = network(layers, 12)
    steps = count(12)
    assert max(fnn.check_gradients(net, X, np.zeros((5, steps, 2)), lengths=LENGTHS).values()) < 0.01


@pytest.mark.parametrize("name", WINDOWS)
def test_training_is_over_the_real_steps(name: str) -> None:
    """The loss and the metrics are those of the outputs that exist; padding changes no bit of the weights."""
    layers, count = WINDOWS[name]
    net, steps = network(layers, 12), count(12)
    t = generator(2).standard_normal((5, steps, 2))
    real = np.arange(steps) < np.array([count(int(n)) for n in LENGTHS])[:, None]
    y = net.predict(X, lengths=LENGTHS).astype(float)
    logs = net.evaluate(X, t, lengths=LENGTHS)
    assert logs["loss"] == pytest.approx(((y - t)[real] ** 2).mean(), rel=1e-5)
    mean = t[real].mean(axis=0)
    r2 = 1 - ((y - t)[real] ** 2).sum(axis=0) / ((t[real] - mean) ** 2).sum(axis=0)
    assert logs["r2"] == pytest.approx(r2.mean(), rel=1e-4)
    other, padding, targets = network(layers, 12), X.copy(), np.where(real[..., None], t, np.nan)
    for row, length in zip(padding, LENGTHS, strict=True):
        row[length:] = 1e30
    for each, x, wanted in ((net, X, t), (other, padding, targets)):
        each.fit(x, wanted, 3, epochs=2, verbose=0, lengths=LENGTHS)
    assert_same_bits(net.parameters, other.parameters)


def test_windows_that_need_more_steps_name_the_row() -> None:
    net = network(WINDOWS["several"][0], 12)
    for lengths, message in (
        ([12, 1, 9, 6, 11], r"lengths\[1\] leaves 1 steps; max_pool1d_0 needs at least 2"),
        ([12, 7, 9, 3, 11], r"lengths\[3\] leaves 1 steps; conv1d_1 needs at least 2"),
    ):
        before = net.parameters.copy()
        for call in (net.predict, lambda x, lengths: net.fit(x, np.zeros((5, 5, 2)), lengths=lengths, verbose=0)):
            with pytest.raises(ValueError, match=message):
                call(X, lengths=lengths)
        assert_same_bits(net.parameters, before)
    with pytest.raises(ValueError, match=r"lengths\[1\] leaves 3 steps; crop1d_0 needs at least 4"):
        network([fnn.Crop1D(((1, 2),))], 12).predict(X[:2], lengths=[12, 3])
    with pytest.raises(ValueError, match=r"UpSample1D\(2\): sequences with lengths have no step after their last"):
        network([fnn.UpSample1D(2, "linear")], 12).predict(X, lengths=LENGTHS)
    with pytest.raises(ValueError, match=r"MaxPool1D\(2\): sequences with lengths can only be padded before them"):
        network([fnn.MaxPool1D(2, padding=((0, 1),))], 12).predict(X, lengths=LENGTHS)


# Inputs that each have lengths of their own.

SOURCE, TARGET = generator(3).integers(0, 7, (4, 6)), generator(4).integers(0, 5, (4, 9))
BOTH = {"source": [6, 2, 3, 1], "target": [2, 9, 4, 4]}


def translation() -> fnn.Network:
    source, target = fnn.Input((6,), "source"), fnn.Input((9,), "target")
    _, h, c = fnn.LSTM(5, return_sequences=True, return_state=True)(fnn.Embedding(7, 4)(source))
    memory = fnn.Bidirectional(fnn.GRU(4, return_sequences=True))(fnn.Embedding(7, 4)(source))
    y = fnn.LSTM(5, return_sequences=True)(fnn.Embedding(5, 4)(target), initial_state=[h, c])
    y = fnn.LayerNorm()(fnn.Add()([y, fnn.MultiHeadAttention(1, 4)([y, memory])]))
    net = fnn.Network([source, target], fnn.Dense(5)(y), seed=0)
    return net.compile("adam", metrics=["accuracy", "f1"])


def test_inputs_with_lengths_of_their_own() -> None:
    net = translation()
    y = net.predict([SOURCE, TARGET], lengths=BOTH)
    changed = [SOURCE.copy(), TARGET.copy()]
    for array, lengths in zip(changed, BOTH.values(), strict=True):
        for row, length in zip(array, lengths, strict=True):
            row[length:] = -9
    assert_same_bits(net.predict(changed, lengths=BOTH), y)
    assert_same_bits(net.predict(changed, lengths=dict(reversed(BOTH.items()))), y)
    labels = generator(5).integers(0, 5, (4, 9))
    real = np.arange(9) < np.array(BOTH["target"])[:, None]
    logs = net.evaluate(changed, np.where(real, labels, 77), lengths=BOTH)
    assert logs["accuracy"] == pytest.approx((y.argmax(-1) == labels)[real].mean())
    weighted = net.fit(changed, labels, verbose=0, lengths=BOTH, class_weight={1: 2.0}, shuffle=False)
    given = np.where(labels == 1, 2.0, 1.0)
    twin = translation()
    assert (
        weighted.history
        == twin.fit(changed, labels, verbose=0, lengths=BOTH, sample_weight=given, shuffle=False).history
    )
    net.forward(changed, training=True, lengths=BOTH)
    dx = net.backward(np.ones((4, 9, 5)))
    assert set(dx) == set(BOTH)


def test_one_input_alone_may_have_lengths() -> None:
    net = translation()
    full = net.predict([SOURCE, TARGET])
    assert_same_bits(net.predict([SOURCE, TARGET], lengths={"source": [6] * 4}), full)
    assert_same_bits(net.predict([SOURCE, TARGET], lengths={"target": [9] * 4, "source": None}), full)
    part = net.predict([SOURCE, TARGET], lengths={"target": BOTH["target"]})
    for row, whole, length in zip(part, full, BOTH["target"], strict=True):
        assert_same_bits(row[:length], whole[:length])


def test_equal_numbers_of_steps_do_not_share_lengths() -> None:
    a, b = fnn.Input((5, 2), "a"), fnn.Input((5, 2), "b")
    net = fnn.Network([a, b], [fnn.LSTM(3, name="p")(a), fnn.LSTM(3, name="q")(b)], seed=0)
    x = generator(6).standard_normal((3, 5, 2))
    full, some = net.predict([x, x]), net.predict([x, x], lengths={"a": [2, 5, 1]})
    assert_same_bits(some["q"], full["q"])
    assert not np.array_equal(some["p"][0], full["p"][0])
    joined = fnn.Network([a, b], fnn.Add()([fnn.LSTM(3, True)(a), fnn.LSTM(3, True)(b)]), seed=0)
    with pytest.raises(ValueError, match="add_0: its inputs are sequences with different lengths"):
        joined.predict([x, x], lengths={"a": [2, 5, 1], "b": [1, 1, 1]})
    assert_same_bits(joined.predict([x, x], lengths=[5, 5, 5]), joined.predict([x, x]))


BAD: dict[str, tuple[Any, str]] = {
    "an unknown input": ({"x": [1]}, "lengths: unknown 'x'; expected 'source', 'target'"),
    "too long": ({"source": [7, 1, 1, 1]}, r"lengths\['source'\]\[0\] is 7; expected an integer from 1 to 6"),
    "none": ({"target": [1, 0, 1, 1]}, r"lengths\['target'\]\[1\] is 0; expected an integer from 1 to 9"),
    "too few": ({"source": [1, 1]}, r"lengths\['source'\]: expected \(4,\)"),
    "one for both": ([1, 1, 1, 1], "same number of steps, or a dict by input"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_lengths(name: str) -> None:
    lengths, message = BAD[name]
    net = translation()
    before = net.parameters.copy()
    for call in (
        lambda: net.predict([SOURCE, TARGET], lengths=lengths),
        lambda: net.fit([SOURCE, TARGET], np.zeros((4, 9), int), lengths=lengths, verbose=0),
        lambda: net.train_on_batch([SOURCE, TARGET], np.zeros((4, 9), int), lengths=lengths),
        lambda: net.forward([SOURCE, TARGET], training=True, lengths=lengths),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert_same_bits(net.parameters, before)


def test_only_sequences_have_lengths() -> None:
    a, b = fnn.Input((5, 2), "a"), fnn.Input((3,), "b")
    net = fnn.Network([a, b], fnn.Concatenate()([fnn.LSTM(3)(a), b]), seed=0)
    x = [np.zeros((2, 5, 2)), np.zeros((2, 3))]
    with pytest.raises(
        ValueError, match=r"lengths\['b'\]: expected an input \(batch, time, features\), it is \(batch, 3\)"
    ):
        net.predict(x, lengths={"b": [1, 2]})
    assert net.predict(x, lengths={"a": [1, 2]}).shape == (2, 6)


def test_windows_must_not_depend_on_the_longest() -> None:
    """Padding "same" with strides puts them where the length says; numbers do not."""
    refused = 'Conv1D.*with padding "same" and strides, windows depend on the longest sequence; .*a number, 1 say'
    net = network([fnn.Conv1D(4, 3, strides=2, padding="same")], 12)
    assert net.predict(X).shape == (5, 6, 2)
    with pytest.raises(ValueError, match=refused):
        net.predict(X, lengths=LENGTHS)
    free = fnn.architectures.conformer(3, 4, units=8, heads=2, blocks=1, kernel=3, seed=0)
    y = free.predict(X, lengths=LENGTHS)
    for row, found, length in zip(X, y, LENGTHS, strict=True):
        assert_same_bits(free.predict(row[None, :length])[0], found[: -(-int(length) // 4)])


@pytest.mark.parametrize("made", [3, 4, 5])
def test_a_sequence_that_a_layer_makes_has_all_steps(made: int) -> None:
    """However many the inputs have: of the lengths of another sequence it knows nothing."""
    net = fnn.Sequential(
        [fnn.LSTM(4), fnn.RepeatVector(made), fnn.GRU(3, return_sequences=True)], input_shape=(None, 3), seed=0
    )
    x = generator(7).standard_normal((2, 4, 3))
    y = net.predict(x, lengths=[2, 4])
    assert_same_bits(y[:1], net.predict(x[:1, :2]))
    assert y[0].all(axis=1).all()


def test_inputs_of_equal_lengths_are_joined() -> None:
    """Words and their tags, say: as lists, or with a dict of lengths."""
    a, b = fnn.Input((None, 3), "a"), fnn.Input((None, 2), "b")
    net = fnn.Network([a, b], fnn.LSTM(2)(fnn.Concatenate()([a, b])), seed=0)
    x = [generator(i).standard_normal((3, 6, n)) for i, n in enumerate((3, 2))]
    wanted = net.predict(x, lengths=[3, 6, 1])
    assert_same_bits(net.predict(x, lengths={"a": [3, 6, 1], "b": np.array([3, 6, 1])}), wanted)
    ragged = [[row[:n] for row, n in zip(each, (3, 6, 1), strict=True)] for each in x]
    assert_same_bits(net.predict(ragged), wanted)
    with pytest.raises(ValueError, match="sequences with different lengths"):
        net.predict(x, lengths={"a": [3, 6, 1], "b": [3, 5, 1]})
