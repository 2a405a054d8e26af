"""Networks whose inputs have axes of any length: the bits of networks of that length, in one memory."""

import gc
import io
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator
from fastnn.model.turns import KEPT

IDS, LABELS = generator(1).integers(0, 11, (9, 40)), generator(2).integers(0, 3, 9)


def text(steps: int | None) -> fnn.Network:
    layers = [
        fnn.Embedding(11, 6),
        fnn.Conv1D(8, 3, padding="same", activation="relu"),
        fnn.MaxPool1D(2),
        fnn.LSTM(5, return_sequences=True),
        fnn.Dropout(0.2),
        fnn.GlobalMaxPool(),
        fnn.Dense(3),
    ]
    return fnn.Sequential(layers, input_shape=(steps,), seed=4).compile("adam", metrics=["accuracy", "f1"])


def pictures(height: int | None, width: int | None) -> fnn.Network:
    x = fnn.Input((height, width, 2))
    h = fnn.Conv2D(4, 3, padding="same", activation="relu")(x)
    small = fnn.BatchNorm()(fnn.Conv2D(4, 3, padding="same")(fnn.MaxPool2D()(h)))
    joined = fnn.Concatenate()([h, fnn.UpSample2D()(small)])
    return fnn.Network(x, fnn.Conv2D(3, 1)(joined), seed=5).compile("sgd", metrics=["accuracy"])


@pytest.mark.parametrize("steps", [16, 33, 40])
def test_the_bits_of_a_network_of_that_length(steps: int, isa: str) -> None:
    free, fixed = text(None), text(steps)
    x = IDS[:, :steps]
    for _ in range(3):
        assert free.train_on_batch(x, LABELS) == fixed.train_on_batch(x, LABELS)
    assert_same_bits(free.parameters, fixed.parameters)
    assert_same_bits(free.predict(x), fixed.predict(x))
    assert free.evaluate(x, LABELS) == fixed.evaluate(x, LABELS)
    assert_same_bits(free.forward(x, training=True), fixed.forward(x, training=True))
    dy = generator(3).standard_normal((9, 3))
    free.update(dy), fixed.update(dy)
    assert_same_bits(free.parameters, fixed.parameters)
    assert_same_bits(free.freeze(9, input_shape=(steps,))(x), fixed.freeze(9)(x))


def test_alternating_lengths_share_one_memory(num_threads: int) -> None:
    lengths = [40, 16, 23, 40, 16, 6, 23]
    free = text(None)
    alone = [text(steps) for steps in lengths]
    shared = text(None)
    for net in alone:
        net.copy_weights(free)
    for steps, net in zip(lengths, alone, strict=True):
        x = IDS[:, :steps]
        assert_same_bits(shared.predict(x), net.predict(x))
        assert shared.evaluate(x, LABELS)["loss"] == net.evaluate(x, LABELS)["loss"]
    losses = [shared.train_on_batch(IDS[:, :steps], LABELS) for steps in lengths]
    again = text(None)
    assert [again.train_on_batch(IDS[:, :steps], LABELS) for steps in lengths] == losses
    assert shared.plan(9, True, input_shape=(40,)).nbytes > shared.plan(9, True, input_shape=(16,)).nbytes


def test_a_known_length_is_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made, build = [], fnn.Sequential.build_program

    def counted(*arguments: Any) -> Any:
        made.append(arguments)
        return build(*arguments)

    monkeypatch.setattr(fnn.Sequential, "build_program", staticmethod(counted))
    net = text(None)
    made.clear()
    for steps in (40, 16, 23, 16, 40, 23):
        net.train_on_batch(IDS[:, :steps], LABELS)
    assert len(made) == 3
    for steps in range(2, KEPT + 4):
        net.train_on_batch(np.zeros((9, steps), int), LABELS)
    net.train_on_batch(np.zeros((9, 40), int), LABELS)
    assert len(made) >= KEPT + 2


def test_the_shapes_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastnn.model.inputs.MOST_KNOWN", 3)
    net = fnn.Sequential([fnn.Dense(2)], input_shape=(None, 4))
    for steps in (1, 2, 3, 4, 2, 5, 1):
        assert net.predict(np.ones((1, steps, 4))).shape == (1, steps, 2)
        assert len(net._known) <= 3


def test_pictures_of_any_size() -> None:
    free = pictures(None, None)
    assert free.output_shape == (None, None, 3) and free.input_shape == (None, None, 2)
    for height, width in ((8, 8), (6, 10), (16, 4)):
        fixed = pictures(height, width)
        fixed.copy_weights(free)
        x = generator(height, width).standard_normal((3, height, width, 2))
        assert_same_bits(free.predict(x), fixed.predict(x))
        labels = generator(1).integers(0, 3, (3, height, width))
        assert free.evaluate(x, labels) == fixed.evaluate(x, labels)
        free.fit(x, labels, verbose=0)
    with pytest.raises(ValueError, match="cannot join"):
        free.predict(np.zeros((1, 7, 8, 2)))
    assert free.predict(np.zeros((1, 8, 8, 2))).shape == (1, 8, 8, 3)


def test_encoder_and_decoder_of_their_own_lengths() -> None:
    source, target = fnn.Input((None,), "source"), fnn.Input((None,), "target")
    memory = fnn.LSTM(6, return_sequences=True)(fnn.Embedding(11, 6)(source))
    query = fnn.LSTM(6, return_sequences=True)(fnn.Embedding(9, 6)(target))
    y = fnn.Dense(9)(fnn.MultiHeadAttention(2)([query, memory]))
    net = fnn.Network([source, target], y, seed=0).compile("adam", metrics=["accuracy"])
    x, t = [IDS[:4, :7], IDS[:4, :5] % 9], IDS[:4, 1:6] % 9
    lengths = {"source": [7, 2, 5, 1], "target": [3, 5, 1, 4]}
    y = net.predict(x, lengths=lengths)
    for i in range(4):
        one = [array[i : i + 1, :n] for array, n in zip(x, (lengths["source"][i], lengths["target"][i]), strict=True)]
        assert_same_bits(net.predict(one)[0], y[i, : lengths["target"][i]])
        assert not y[i, lengths["target"][i] :].any()
    ragged = [[row[:n] for row, n in zip(a, lengths[name], strict=True)] for a, name in zip(x, lengths, strict=True)]
    targets = [row[:n] for row, n in zip(t, lengths["target"], strict=True)]
    assert_same_bits(net.predict(ragged), y)
    twin = fnn.load(io.BytesIO(saved(net)))
    history = net.fit(ragged, targets, epochs=2, verbose=0, shuffle=False)
    assert history.history == twin.fit(x, t, epochs=2, verbose=0, shuffle=False, lengths=lengths).history
    assert twin.input_shape == {"source": (None,), "target": (None,)}


def saved(net: fnn.Network) -> bytes:
    file = io.BytesIO()
    net.save(file)
    return file.getvalue()


def test_batches_of_several_lengths() -> None:
    lengths = generator(7).integers(4, 40, 60)
    x = [generator(i).integers(0, 11, n) for i, n in enumerate(lengths)]
    y = generator(8).integers(0, 3, 60)
    sizes = []

    def batches() -> Iterator[Any]:
        for rows in fnn.data.buckets(lengths, 8, seed=1):
            ids, ends = fnn.data.padded([x[i] for i in rows])
            sizes.append(ids.shape[1])
            yield ids, y[rows], None, ends

    net = text(None)
    history = net.fit(batches, epochs=2, verbose=0, validation_data=batches)
    assert len(set(sizes)) > 3 and set(history.history) == {
        *("loss", "accuracy", "f1", "val_loss", "val_accuracy", "val_f1")
    }
    whole = net.evaluate(x, y)
    piecewise = net.evaluate(batches)
    assert piecewise["f1"] == pytest.approx(whole["f1"]) and piecewise["loss"] == pytest.approx(whole["loss"])
    assert net.predict(batches).shape == (60, 3)
    sequences = fnn.Sequential([fnn.Embedding(11, 4), fnn.LSTM(3, return_sequences=True)], input_shape=(None,), seed=0)
    with pytest.raises(ValueError, match="outputs of different lengths; predict each batch alone"):
        sequences.predict(batches)


def of_steps(layers: list[fnn.Layer], loss: Any = "cross_entropy", metrics: Any = ("f1",)) -> fnn.Network:
    return fnn.Sequential(layers, input_shape=(None, 3), seed=1).compile("sgd", loss, metrics)


def test_metrics_over_batches_of_outputs_of_several_lengths() -> None:
    net = of_steps([fnn.LSTM(5, return_sequences=True), fnn.Dense(4)])
    x, y = generator(1).standard_normal((6, 9, 3)), generator(2).integers(0, 4, (6, 9))
    lengths = [9, 5, 5, 9, 5, 9]
    whole = net.evaluate(x, y, lengths=lengths)
    parts = [([0, 3, 5], 9), ([1, 2, 4], 5)]
    found = net.evaluate(lambda: iter([(x[rows, :n], y[rows, :n]) for rows, n in parts]))
    assert found["f1"] == pytest.approx(whole["f1"]) and found["loss"] == pytest.approx(whole["loss"])
    weight = generator(3).random(6)
    weighted = net.evaluate(lambda: iter([(x[rows, :n], y[rows, :n], weight[rows]) for rows, n in parts]))
    assert weighted["f1"] == pytest.approx(net.evaluate(x, y, sample_weight=weight, lengths=lengths)["f1"])


def test_states_continue_in_batches_of_other_lengths() -> None:
    """Also after a run of more streams, and in validation."""
    net = of_steps([fnn.LSTM(5, return_sequences=True), fnn.Dense(2)], "mse", ())
    net.fit(np.zeros((9, 7, 3)), np.zeros((9, 7, 2)), batch_size=9, stateful=True, shuffle=False, verbose=0)
    x, y = generator(1).standard_normal((4, 12, 3)), generator(2).standard_normal((4, 12, 2))

    def batches() -> Iterator[Any]:
        yield x[:, :5], y[:, :5]
        yield x[:, 5:], y[:, 5:]

    piecewise = net.evaluate(batches, stateful=True)["loss"]
    whole = net.predict(x)
    errors = ((whole - y) ** 2).mean(axis=(0, 2))
    assert piecewise == pytest.approx(errors.mean(), rel=1e-5)
    history = net.fit(batches, stateful=True, verbose=0, validation_data=batches)
    assert set(history.history) == {"loss", "val_loss"}


def test_targets_of_different_lengths() -> None:
    """Padded by what the loss skips; of the lengths that the outputs have."""
    x = [generator(n).standard_normal((n, 3)) for n in (7, 5, 8, 6)]
    labels = [[1, 2], [2], [1, 2, 1], [2]]
    net = of_steps([fnn.LSTM(5, return_sequences=True), fnn.Dense(4, "softmax")], fnn.losses.CTC(blank=3), ())
    rows = np.array([[1, 2, -1], [2, -1, -1], [1, 2, 1], [2, -1, -1]])
    whole, lengths = fnn.data.padded(x)
    assert net.evaluate(x, labels) == net.evaluate(whole, rows, lengths=lengths)
    steps = of_steps([fnn.LSTM(5, return_sequences=True), fnn.Dense(4)])
    each = [generator(n).integers(0, 4, n) for n in (7, 5, 8, 6)]
    history = steps.fit(x, each, verbose=0, validation_data=(x, each))
    assert history.history["val_loss"][0] > 0
    with pytest.raises(ValueError, match=r"y\[1\] has 4 steps; expected 5, as the output has"):
        steps.evaluate(x, [each[0], each[1][:4], *each[2:]])
    last = of_steps([fnn.LSTM(4), fnn.Dense(3, "sigmoid")], "binary_cross_entropy", ())
    with pytest.raises(ValueError, match=r"y\[1\] has 2 steps; expected 3"):
        last.evaluate(x[:2], [[1, 0, 1], [0, 1]])


def test_an_interrupted_fit_gives_its_memory_back() -> None:
    net, count = text(None), 0

    def batches() -> Iterator[Any]:
        nonlocal count
        for steps in (5, 9, 7):
            count += 1
            if count == 2:
                raise KeyError("stop")
            yield IDS[:, :steps], LABELS

    with pytest.raises(KeyError):
        net.fit(batches, verbose=0)
    assert not any(turns.busy for turns in gc.get_objects() if type(turns).__name__ == "Turns")
    reference = weakref.ref(net)
    del net
    gc.collect()
    assert reference() is None


def test_positions_up_to_a_number() -> None:
    x = generator(1).standard_normal((3, 9, 4))
    free = fnn.Sequential([fnn.PositionEmbedding(9), fnn.GlobalAvgPool()], input_shape=(None, 4), seed=0)
    free.compile("sgd", "mse")
    assert free.weights["position_embedding_0.weight"].shape == (9, 4)
    first = free.predict(x[:, :5])
    free.train_on_batch(x, np.ones((3, 4)))
    free.train_on_batch(x[:, :5], np.ones((3, 4)))
    assert not free.gradients["position_embedding_0.weight"][5:].any()
    assert free.gradients["position_embedding_0.weight"][:5].all() and not np.array_equal(free.predict(x[:, :5]), first)
    with pytest.raises(ValueError, match=r"PositionEmbedding\(9\): expected input \(batch, time <= 9, features\)"):
        free.predict(np.zeros((1, 10, 4)))


REFUSED: dict[str, tuple[Any, str]] = {
    "Flatten": ([fnn.Flatten(), fnn.Dense(2)], r"dense_0: its parameters would depend on the length.*GlobalAvgPool"),
    "positions": ([fnn.PositionEmbedding()], "position_embedding_0: its parameters would depend"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_parameters_must_not_depend_on_it(name: str) -> None:
    layers, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        fnn.Sequential(layers, input_shape=(None, 4))


def test_bad_input() -> None:
    net = text(None)
    for call, message in (
        (lambda: net.predict(np.zeros((2, 1), int)), r"MaxPool1D\(2\): expected input \(batch, time >= 2"),
        (lambda: net.predict(np.zeros((2, 3, 4))), r"expected input \(batch, None\), got \(2, 3, 4\)"),
        (lambda: net.predict(np.zeros((2, 0), int)), r"expected input \(batch, None\), got \(2, 0\)"),
        (lambda: net.plan(), r"plan: the network takes \(batch, None\): give the input_shape"),
        (lambda: net.freeze(), r"freeze: the network takes \(batch, None\): give the input_shape"),
        (lambda: net.freeze(input_shape=(3, 4)), r"expected an input_shape that fits \(None,\), got \(3, 4\)"),
        (lambda: text(8).freeze(input_shape=(8,)), "input_shape is for networks with axes of any length"),
        (lambda: text(8).predict([[1, 2], [3]]), "x: expected an array of numbers"),
        (lambda: pictures(None, None).predict([np.zeros((4, 4, 2)), np.zeros((6, 4, 2))]), "x: expected an array"),
        (lambda: fnn.Sequential([fnn.Dense(3)]).predict([[1.0, 2.0], [3.0]]), r"x\[1\] has 1 elements, x\[0\] has 2"),
        (
            lambda: pictures(None, None).calibrate(lambda: iter([(np.ones((3, 8, 4, 2)),), (np.ones((3, 4, 8, 2)),)])),
            r"calibrate: expected batches of one shape, got \(4, 8, 2\) after \(8, 4, 2\)",
        ),
        (lambda: net.predict([[1, 2], [3, 4, 5]], lengths=[2, 3]), "are known; leave them out"),
        (lambda: fnn.inspection.grad_cam(pictures(None, None), IDS[0]), "grad_cam: the network must map an image"),
        (lambda: fnn.Input((None, 0)), r"shape\[1\] must be"),
        (lambda: fnn.Input("ab"), "must be a tuple of integers, or None"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            call()
    assert net.predict(IDS[:, :5]).shape == (9, 3)


FITS: dict[str, tuple[list[fnn.Layer], tuple[int | None, ...]]] = {
    "a long window": ([fnn.Conv1D(4, 600), fnn.GlobalAvgPool()], (None, 1)),
    "many strides": ([*(fnn.Conv1D(4, k, strides=s) for k, s in ((10, 5), (8, 4), (4, 2), (4, 2), (4, 2)))], (None, 1)),
    "frames": ([fnn.Reshape((-1, 160)), fnn.LSTM(3)], (None, 1)),
    "thirds": ([fnn.MaxPool1D(3), fnn.UpSample1D(3)], (None, 2)),
}


@pytest.mark.parametrize("name", FITS)
def test_layers_that_fit_few_lengths(name: str) -> None:
    layers, shape = FITS[name]
    assert fnn.Sequential(layers, input_shape=shape).predict(np.zeros((1, 4800, shape[-1] or 1))).shape[0] == 1


def test_inside_of_another_network() -> None:
    inner = fnn.Sequential([fnn.Dense(3, "tanh"), fnn.LSTM(4)], input_shape=(None, 2), seed=1)
    x = fnn.Input((6, 2))
    fixed = fnn.Network(x, fnn.Dense(1)(inner(x)), seed=2)
    assert fixed.output_shape == (1,)
    y = fnn.Input((None, 2))
    free = fnn.Network(y, fnn.Dense(1)(inner(y)), seed=2)
    data = generator(1).standard_normal((3, 6, 2))
    assert_same_bits(fixed.predict(data), free.predict(data))
    with pytest.raises(ValueError, match=r"expected input \(batch, 6, 2\)"):
        fnn.Sequential([fnn.LSTM(4)], input_shape=(6, 2))(y)
    assert_same_bits(free.part(inner.name or "sequential_0").predict(data[:, :4]), inner.predict(data[:, :4]))
