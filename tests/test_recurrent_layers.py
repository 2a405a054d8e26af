"""Recurrent layers in networks: settings, gradients, files, what is frozen, and what is refused."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator

ROWS, TIME, SIZE = 6, 7, 4
X = generator(1).standard_normal((ROWS, TIME, SIZE)).astype(np.float32)
KINDS = [fnn.LSTM, fnn.GRU, fnn.SimpleRNN]

NETWORKS: dict[str, list[fnn.Layer]] = {
    "lstm": [fnn.LSTM(5)],
    "gru, sequences": [fnn.GRU(5, return_sequences=True)],
    "rnn, relu, reverse": [fnn.SimpleRNN(5, reverse=True, activation="relu")],
    "stacked": [fnn.Dense(6, "tanh"), fnn.LSTM(5, True), fnn.LayerNorm(), fnn.GRU(4, True), fnn.SimpleRNN(3)],
    "both ways": [fnn.Bidirectional(fnn.LSTM(5, True)), fnn.Bidirectional(fnn.GRU(4), "add")],
    "product of both ways": [fnn.Bidirectional(fnn.SimpleRNN(5, return_sequences=True), "multiply")],
    "dropout": [fnn.LSTM(5, True, dropout=0.3, recurrent_dropout=0.4), fnn.GRU(4, recurrent_dropout=0.2, dropout=0.1)],
    "batch norm": [fnn.LSTM(5, True), fnn.BatchNorm(), fnn.PReLU(), fnn.GlobalMaxPool()],
    "convolution": [fnn.Conv1D(5, 3, padding="same"), fnn.LSTM(4, True), fnn.Conv1D(3, 2), fnn.GlobalAvgPool()],
    "softmax of steps": [fnn.GRU(5, True), fnn.Dense(3, "softmax"), fnn.Flatten()],
    "dropout of states": [
        fnn.GRU(5, True, recurrent_dropout=0.4, reverse=True),
        fnn.SimpleRNN(4, recurrent_dropout=0.4),
    ],
    "a skip": [],
}


def network(name: str) -> fnn.Network:
    if name != "a skip":
        return fnn.Sequential([*NETWORKS[name], fnn.Dense(2)], input_shape=(TIME, SIZE), seed=3)
    x = fnn.Input((TIME, SIZE))
    h = fnn.LSTM(SIZE, return_sequences=True)(x)
    y, state = fnn.GRU(3, return_state=True)(fnn.Concatenate()([fnn.Add()([x, h]), fnn.Multiply()([x, h])]))
    inner = fnn.Sequential([fnn.LSTM(3)], name="inner")
    return fnn.Network(x, fnn.Dense(2)(fnn.Concatenate()([y, state, inner(h)])), seed=3)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_files_and_frozen_networks(name: str) -> None:
    net = network(name).compile("adam", "mse")
    t = generator(2).standard_normal((ROWS, *net.output_shape))
    fnn.check_gradients(net, X, t)
    net.fit(X, t, 4, epochs=2, verbose=0)
    again = copy.copy(net)
    assert_same_bits(again.predict(X), net.predict(X))
    assert str(again) == str(net)
    together = net.predict(X)
    for rows in (1, 4, ROWS):
        assert_same_bits(net.predict(X, rows), together)
    np.testing.assert_allclose(net.freeze(ROWS)(X), together, rtol=1e-5, atol=1e-6)
    assert "fork" not in repr(net.plan(3, training=True).profile(1))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_what_a_layer_gives(isa: str) -> None:
    """Formulas in NumPy, and states that are returned: h is the last of y, c what o tanh(c) = h says."""
    x, s = fnn.Input((TIME, SIZE)), sigmoid
    for kind in KINDS:
        layer = kind(5, return_sequences=True, return_state=True, name="layer")
        net = fnn.Network(x, list(layer(x)), seed=1)
        if kind is fnn.GRU:
            net.weights["layer.recurrent_bias"][:] = np.linspace(-1, 1, 15)
        w, u, b = (net.weights[f"layer.{key}"].astype(float) for key in ("weight", "recurrent_weight", "bias"))
        v = net.weights.get("layer.recurrent_bias", 0)
        if kind is fnn.LSTM:
            np.testing.assert_array_equal(b, np.repeat([0, 1, 0, 0], 5))
        found = net.predict(X)
        h = c = np.zeros((ROWS, 5))
        for t in range(TIME):
            z, r = X[:, t] @ w + b, h @ u + v
            if kind is fnn.LSTM:
                i, f, g, o = np.split(z + r, 4, axis=1)
                c = s(f) * c + s(i) * np.tanh(g)
                h = s(o) * np.tanh(c)
            elif kind is fnn.GRU:
                reset, update = s(z[:, :5] + r[:, :5]), s(z[:, 5:10] + r[:, 5:10])
                h = (1 - update) * np.tanh(z[:, 10:] + reset * r[:, 10:]) + update * h
            else:
                h = np.tanh(z + r)
            np.testing.assert_allclose(found["layer"][:, t], h, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found["state_0"], h, rtol=1e-4, atol=1e-6)
        if kind is fnn.LSTM:
            np.testing.assert_allclose(found["state_1"], c, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_has_one_mask_for_all_steps(kind: Any) -> None:
    """An input is dropped at all steps of a sequence or at none, and others are in other sequences."""
    net = fnn.Sequential([kind(16, True, dropout=0.5)], input_shape=(TIME, 20), seed=0).compile("sgd", "mse")
    net.forward(np.ones((ROWS, TIME, 20)), training=True)
    dropped = net.backward(np.ones((ROWS, TIME, 16))) == 0
    np.testing.assert_array_equal(dropped.any(axis=1), dropped.all(axis=1))
    assert len(np.unique(dropped[:, 0], axis=0)) == ROWS
    assert 0.3 < dropped.mean() < 0.7


WRONG: dict[str, tuple[Any, str]] = {
    "units": (lambda: fnn.LSTM(0), "LSTM: units must be an integer from 1"),
    "return_sequences": (lambda: fnn.GRU(3, 1), "GRU: return_sequences must be True or False"),
    "recurrent_bias": (lambda: fnn.GRU(3, recurrent_bias=1), "GRU: recurrent_bias must be True or False"),
    "dropout": (lambda: fnn.LSTM(3, dropout=1), "LSTM: dropout must be a number >= 0 and < 1"),
    "recurrent_dropout": (lambda: fnn.LSTM(3, recurrent_dropout=-1), "LSTM: recurrent_dropout must be"),
    "initializer": (lambda: fnn.GRU(3, initializer="no"), "unknown initializer 'no'"),
    "activation": (lambda: fnn.SimpleRNN(3, activation="gelu"), "unknown activation 'gelu'; known: .*tanh"),
    "rank": (lambda: network_of(fnn.LSTM(3), (5,)), r"LSTM\(3\): expected input \(batch, time, features\), got"),
    "pictures": (lambda: network_of(fnn.GRU(3), (5, 4, 3)), r"GRU\(3\): expected input \(batch, time, features\)"),
    "time 0": (lambda: network_of(fnn.LSTM(3), (0, 4)), "input_shape"),
    "state": (lambda: fnn.LSTM(3)(fnn.Input((5, 2)), initial_state=fnn.Input((3,))), r"expected initial states .* and"),
    "wide state": (
        lambda: fnn.GRU(3)(fnn.Input((5, 2)), initial_state=fnn.Input((4,))),
        r"GRU\(3\): expected initial states \(batch, 3\), got \(batch, 4\)",
    ),
    "no symbol": (lambda: fnn.GRU(3)(fnn.Input((5, 2)), initial_state=np.ones(3)), "call it on an Input"),
    "both of what": (lambda: fnn.Bidirectional(fnn.Dense(3)), "Bidirectional: expected an LSTM"),
    "both, reverse": (lambda: fnn.Bidirectional(fnn.LSTM(3, reverse=True)), "expected a layer without reverse"),
    "merge": (
        lambda: fnn.Bidirectional(fnn.LSTM(3), "mean"),
        "unknown merge 'mean'; known: concatenate, add, multiply",
    ),
    "vocabulary": (lambda: fnn.Embedding(0, 3), "Embedding: vocabulary must be"),
    "padding": (lambda: fnn.Embedding(5, 3, padding=5), "Embedding: padding must be an integer from 0 to 4"),
    "huge": (lambda: network_of(fnn.Embedding(2**31 - 1, 2**31 - 1), (3,)), r"Embedding|weight|elements"),
    "ids of what": (
        lambda: fnn.Sequential([fnn.Dropout(0.1), fnn.Embedding(5, 3)], (4,), seed=0).predict(np.ones((2, 4))),
        r"Embedding\(5\): its input is ids, so it must be an input of the network",
    ),
    "a state of nothing": (
        lambda: network_of(fnn.layers.LAYERS["State"](0), (4,)).predict(np.ones((2, 4))),
        r"State\(0\): call it on the output of a recurrent layer with return_state=True",
    ),
}


def network_of(layer: fnn.Layer, shape: tuple[int, ...]) -> fnn.Network:
    return fnn.Sequential([layer], input_shape=shape, seed=0)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    make, message = WRONG[name]
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_wrong_states_and_times_in_data() -> None:
    x, h = fnn.Input((5, 2), name="x"), fnn.Input((3,), name="h")
    net = fnn.Network([x, h], fnn.GRU(3)(x, initial_state=h), seed=0)
    for shapes in (((2, 5, 2), (2, 4)), ((2, 5, 2), (1, 3)), ((2, 0, 2), (2, 3)), ((2, 6, 2), (2, 3))):
        with pytest.raises(ValueError, match="x"):
            net.predict([np.ones(shape) for shape in shapes])


def test_ids_of_any_type_and_where_they_may_not_be() -> None:
    net = fnn.Sequential([fnn.Embedding(9, 4), fnn.LSTM(3)], input_shape=(5,), seed=0).compile("adam", "mse")
    ids, t = generator(4).integers(0, 9, (6, 5)), np.ones((6, 3))
    wanted = net.predict(ids)
    for dtype in (np.int8, np.uint8, np.int32, np.uint64, np.float32, np.float64):
        assert_same_bits(net.predict(ids.astype(dtype)), wanted)
    before = net.parameters.copy()
    for wrong in (9, -1, 2**31, -(2**31) - 1, 2**40):
        bad = ids.astype(np.int64)
        bad[4, 3] = wrong
        for call in (
            lambda: net.predict(bad),
            lambda: net.fit(bad, t, verbose=0),
            lambda: net.freeze(6)(bad),
        ):
            with pytest.raises(ValueError, match=rf"x\[4, 3\] is {wrong}; expected an integer id from 0 to 8"):
                call()
    assert_same_bits(net.parameters, before)
    dx, gradients = net.gradient(ids, t)
    assert not dx.any() and gradients["embedding_0.weight"].any()
    fnn.check_gradients(
        fnn.Sequential([fnn.LSTM(3)], input_shape=(5, 2), seed=0).compile("adam", "mse"), X[:, :5, :2], t
    )


def test_a_file_from_before_the_recurrent_bias(tmp_path: Path) -> None:
    """Its layers have none: they predict and train on as they did, and are the same in a new file."""
    old = fnn.load(Path(__file__).parent / "data" / "gru_of_version_1.safetensors")
    known = {name: np.array(values) for name, values in old.metadata.items()}
    np.testing.assert_allclose(old.predict(known["x"]), known["predictions"], rtol=1e-5, atol=1e-6)
    assert not [name for name in old.weights if "recurrent_bias" in name]
    assert repr(old.layers[1]) == "GRU(3)" and not old.layers[1].recurrent_bias
    old.save(tmp_path / "net")
    new = fnn.load(tmp_path / "net")
    assert not new.layers[0].layer.recurrent_bias
    for net in (old, new):
        losses = net.fit(known["x"], known["y"], 4, epochs=3, verbose=0).history["loss"]
        np.testing.assert_allclose(losses, known["next_losses"], rtol=1e-4)


def test_gru_without_recurrent_bias() -> None:
    """As with one that is 0, but for its gradient."""
    layers = fnn.GRU(5, True), fnn.GRU(5, True, recurrent_bias=False, name="gru_0")
    with_bias, without = (fnn.Sequential([layer], input_shape=(TIME, SIZE), seed=0) for layer in layers)
    for name, view in without.weights.items():
        view[...] = with_bias.weights[name]
    assert_same_bits(without.predict(X), with_bias.predict(X))
    for net in (with_bias, without):
        net.compile("sgd", "mse")
        fnn.check_gradients(net, X, np.ones((ROWS, TIME, 5)))
    assert_same_bits(without.gradients["gru_0.weight"], with_bias.gradients["gru_0.weight"])
