"""Streams: a frozen network that takes one time step at a time and keeps its state."""

import contextlib
import threading
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator

STEPS = 9


def network(units: int = 20) -> fnn.Network:
    layers = [
        fnn.LSTM(units, return_sequences=True),
        fnn.BatchNorm(),
        fnn.Dropout(0.5),
        fnn.GRU(7, return_sequences=True),
        fnn.SimpleRNN(5, return_sequences=True),
        fnn.Dense(3, "softmax"),
    ]
    return fnn.Sequential(layers, input_shape=(STEPS, 4), seed=1)


X = generator(1).standard_normal((3, STEPS, 4)).astype(np.float32)


@pytest.mark.parametrize("threads", [1, 2])
def test_steps_have_the_bits_of_predict(isa: str, threads: int) -> None:
    """Of a BatchNorm that is folded, but for rounding: there is none after a recurrent layer."""
    net = network(96)
    with fnn.threads(threads):
        wanted = net.predict(X)
        one, three = net.freeze(streaming=True), net.freeze(3, streaming=True)
        for _ in range(2):
            out = np.empty(3, np.float32)
            for t in range(STEPS):
                assert one.step(X[0, t], out=out) is out
                assert_same_bits(out, wanted[0, t])
            one.reset()
        assert_same_bits(np.stack([three.step(X[:, t]) for t in range(STEPS)], axis=1), wanted)


def test_networks_as_layers() -> None:
    inner = fnn.Sequential([fnn.Dense(6, "relu"), fnn.LSTM(5, return_sequences=True)], input_shape=(STEPS, 4))
    for last in ([fnn.Dense(2)], [fnn.Sequential([fnn.GRU(3)])]):
        net = fnn.Sequential([inner, *last], input_shape=(STEPS, 4), seed=2)
        f = net.freeze(3, streaming=True)
        for t in range(STEPS):
            found = f.step(X[:, t])
        wanted = net.predict(X)
        assert_same_bits(found, wanted[:, -1] if wanted.ndim == 3 else wanted)


def test_joined_steps() -> None:
    x = fnn.Input((STEPS, 4))
    both = fnn.Concatenate()([x, fnn.LSTM(5, return_sequences=True)(x)])
    net = fnn.Network(x, fnn.Dense(2)(both), seed=0)
    f, wanted = net.freeze(3, streaming=True), net.predict(X)
    for t in range(STEPS):
        assert_same_bits(f.step(X[:, t]), wanted[:, t])


def test_ids_and_a_class_at_the_end() -> None:
    layers = [fnn.Embedding(30, 8), fnn.GRU(9, return_sequences=True), fnn.LayerNorm(), fnn.LSTM(5), fnn.Dense(3)]
    net = fnn.Sequential(layers, input_shape=(STEPS,), seed=0)
    ids = generator(2).integers(0, 30, (2, STEPS))
    one, two = net.freeze(streaming=True), net.freeze(2, streaming=True)
    assert (one.input_shape, one.output_shape, one.batch_size, two.batch_size) == ((), (3,), 1, 2)
    assert repr(net.freeze(2, streaming=True)) == "Stream(() -> (3,), 2 at a time)"
    for t in range(STEPS):
        last, both = one.step(ids[0, t]), two.step(ids[:, t])
    assert_same_bits(last, net.predict(ids)[0])
    assert_same_bits(both, net.predict(ids))
    one.reset()
    for t in range(STEPS):
        last = one.step(ids[:1, t])
    assert_same_bits(last, net.predict(ids)[:1])


def test_states_that_a_layer_returns() -> None:
    x = fnn.Input((STEPS, 4))
    y, h, c = fnn.LSTM(6, return_sequences=True, return_state=True)(x)
    net = fnn.Network(x, fnn.Concatenate()([fnn.LSTM(3)(y), h, c]), seed=0)
    f = net.freeze(streaming=True)
    for t in range(STEPS):
        last = f.step(X[0, t])
    assert_same_bits(last, net.predict(X)[0])


def test_fresh_weights_and_an_old_state() -> None:
    net, other = network(), network()
    f = net.freeze(streaming=True)
    before = [f.step(X[0, t]) for t in range(4)][-1]
    net.weights["dense_0.bias"] += 1
    f.refresh()
    after = f.step(X[0, 4])
    other.weights["dense_0.bias"] += 1
    assert_same_bits(after, other.predict(X)[0, 4])
    assert not np.array_equal(before, after)


def test_a_step_that_fails_leaves_the_state() -> None:
    net = fnn.Sequential([fnn.Embedding(9, 8), fnn.LSTM(5)], input_shape=(STEPS,), seed=0)
    f, ids = net.freeze(streaming=True), generator(3).integers(0, 9, (1, STEPS))
    bad: dict[str, tuple[Any, type[Exception], str]] = {
        "beyond": (9, ValueError, "x.* is 9; expected an integer id from 0 to 8"),
        "negative": (-1, ValueError, "is -1"),
        "huge": (2**40, ValueError, "is 1099511627776"),
        "a fraction": (0.5, ValueError, "is 0.5"),
        "two": ([1, 2], ValueError, r"x: expected a step of 1 streams \(1,\), or \(\), got \(2,\)"),
        "text": ("1", TypeError, "x: .*numbers"),
        "None": (None, TypeError, "x: .*numbers"),
    }
    for t in range(STEPS):
        for x, error, message in bad.values():
            with pytest.raises(error, match=message):
                f.step(x)
        for out in (np.empty(5), np.empty(4, np.float32), [0.0] * 5):
            with pytest.raises((TypeError, ValueError), match="out: expected"):
                f.step(ids[0, t], out=out)  # type: ignore[arg-type]
        last = f.step(ids[0, t])
    assert_same_bits(last, net.predict(ids)[0])


class Refuses(fnn.PythonLayer):
    """The identity, when it does not refuse."""

    refuses = False

    def forward(self, x: np.ndarray) -> np.ndarray:
        if Refuses.refuses:
            raise ArithmeticError("not now")
        return x


@pytest.mark.parametrize("layer", [fnn.LSTM, fnn.GRU, fnn.SimpleRNN])
def test_a_layer_that_fails_behind_the_recurrent_one(layer: type[fnn.LSTM | fnn.GRU | fnn.SimpleRNN]) -> None:
    net = fnn.Sequential([layer(5), Refuses(), fnn.Dense(2)], input_shape=(STEPS, 4), seed=0)
    f, twin = (net.freeze(streaming=True) for _ in range(2))
    for x in X[0]:
        Refuses.refuses = True
        with pytest.raises(ArithmeticError, match="not now"):
            f.step(-x)
        Refuses.refuses = False
        assert_same_bits(f.step(x), twin.step(x))


def test_a_stream_that_changes_its_batch() -> None:
    f = network().freeze(2, streaming=True)
    first = f.step(X[:2, 0])
    for wrong in (X[:3, 0], X[0, 0], X[:2]):
        with pytest.raises(ValueError, match=r"x: expected a step of 2 streams \(2, 4\), got"):
            f.step(wrong)
    f.reset()
    assert_same_bits(f.step(X[:2, 0]), first)


REFUSED: dict[str, tuple[list[fnn.Layer], str]] = {
    "nothing recurrent": ([fnn.Dense(3)], "no layer of the network keeps anything from step to step"),
    "reverse": ([fnn.LSTM(3, reverse=True)], "from the last step to the first"),
    "both ways": ([fnn.Bidirectional(fnn.GRU(3))], "from the last step to the first"),
    "pooling": ([fnn.LSTM(3, True), fnn.GlobalAvgPool()], "cannot run step by step"),
    "greatest": ([fnn.LSTM(3, True), fnn.GlobalMaxPool()], "cannot run step by step"),
    "flatten": ([fnn.LSTM(3, True), fnn.Flatten()], "cannot run step by step"),
    "convolution": (
        [fnn.Conv1D(3, 3), fnn.LSTM(3)],
        "conv1d_0: reads whole sequences, so it cannot",
    ),
    "blocks": ([fnn.MaxPool1D(2), fnn.LSTM(3)], "cannot run step by step"),
    "its own sequence": (
        [fnn.LSTM(3), fnn.Reshape((1, 3)), fnn.LSTM(3)],
        "lstm_1: reads a sequence that a layer makes",
    ),
    "strides": ([fnn.Conv1D(3, 3, 2, "causal"), fnn.LSTM(3)], "conv1d_0: reads whole sequences, so it cannot"),
    "padding on both sides": ([fnn.Conv1D(3, 3, padding="same"), fnn.LSTM(3)], "conv1d_0: reads whole sequences"),
    "attention": ([fnn.MultiHeadAttention(2), fnn.LSTM(3)], "multi_head_attention_0: reads whole sequences, so it ca"),
    "no sequence": ([fnn.Reshape((STEPS, 2, 2)), fnn.Flatten(), fnn.Dense(2)], "reshape_0: reads whole sequences"),
    "several steps": ([fnn.LSTM(6), fnn.Reshape((2, 3)), fnn.GRU(3)], "gru_0: reads a sequence that a layer makes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_networks_that_cannot_go_step_by_step(name: str) -> None:
    layers, message = REFUSED[name]
    net = fnn.Sequential(layers, input_shape=(STEPS, 4), seed=0)
    for each in (net, fnn.Sequential([net, fnn.Dense(1)], input_shape=(STEPS, 4), seed=0)):
        with pytest.raises(ValueError, match=message):
            each.freeze(streaming=True)
    with pytest.raises(TypeError, match="streaming"):
        net.freeze(streaming=1)  # type: ignore[call-overload]


def test_a_refresh_while_another_thread_steps() -> None:
    """A step gives the bits of the old weights or of the new ones, whole, or is refused; so does a reset."""
    net = fnn.Sequential([fnn.Embedding(400_000, 8), fnn.SimpleRNN(4), fnn.Dense(1, bias=False)], (3,), seed=0)
    f, known, stop = net.freeze(streaming=True), set(), threading.Event()

    def put(value: float) -> None:
        for name in net.weights:
            net.weights[name][...] = value

    def first() -> bytes:
        f.reset()
        return f.step(0).tobytes()

    def refresh() -> None:
        for i in range(60):
            put((0.25, 0.5)[i % 2])
            with contextlib.suppress(RuntimeError):
                f.refresh()
        stop.set()

    for value in (0.25, 0.5):
        put(value)
        f.refresh()
        known.add(first())
    thread = threading.Thread(target=refresh)
    thread.start()
    seen = set()
    while not stop.is_set():
        with contextlib.suppress(RuntimeError):
            seen.add(first())
    thread.join()
    assert seen <= known


@pytest.mark.parametrize("rows", [[1], np.array([False, True, False]), (np.int32(1), 1)])
def test_some_streams_begin_again(rows: Any) -> None:
    net = network()
    wanted, f = net.predict(X), net.freeze(3, streaming=True)
    for t in range(4):
        f.step(X[:, t])
    f.reset(rows)
    for t in range(4):
        y = f.step(np.stack([X[0, 4 + t], X[1, t], X[2, 4 + t]]))
        assert_same_bits(y, np.stack([wanted[0, 4 + t], wanted[1, t], wanted[2, 4 + t]]))
