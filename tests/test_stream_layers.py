"""Streams of networks with several inputs and outputs, attention and convolutions: the bits of predict."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator

STEPS = 9


def encoder_decoder() -> fnn.Network:
    source, ids = fnn.Input((7, 5), name="source"), fnn.Input((STEPS,), name="ids")
    encoded, h, c = fnn.LSTM(12, return_sequences=True, return_state=True)(source)
    memory = fnn.Bidirectional(fnn.GRU(6, return_sequences=True))(encoded)
    decoded = fnn.LSTM(12, return_sequences=True)(fnn.Embedding(11, 6)(ids), initial_state=[h, c])
    attended = fnn.MultiHeadAttention(2)([decoded, memory])
    shared = fnn.MultiHeadAttention(3, key_heads=1)([decoded, memory, encoded])
    y = fnn.Add()([decoded, attended, shared])
    return fnn.Network([source, ids], {"next": fnn.Dense(11, "softmax")(y), "end": fnn.Dense(1)(decoded)}, seed=0)


def transformer() -> fnn.Network:
    """Of the inputs only the ids go step by step; the pooled memory is a condition of each step."""
    source, ids = fnn.Input((6,), name="source"), fnn.Input((STEPS,), name="ids")
    memory = fnn.LayerNorm()(fnn.PositionEmbedding()(fnn.Embedding(9, 8)(source)))
    memory = fnn.Add()([memory, fnn.MultiHeadAttention(2)(memory)])
    h = fnn.PositionEmbedding()(fnn.Embedding(13, 8)(ids))
    h = fnn.Add()([h, fnn.MultiHeadAttention(2, causal=True)(fnn.LayerNorm()(h))])
    h = fnn.Add()([h, fnn.MultiHeadAttention(2)([h, memory])])
    return fnn.Network([source, ids], fnn.Dense(13)(fnn.Dense(16, "gelu")(h)), seed=1)


def wavenet() -> fnn.Network:
    ids, speaker = fnn.Input((24,), name="ids"), fnn.Input((3,), name="speaker")
    condition = fnn.Reshape((1, 8))(fnn.Dense(8)(speaker))
    h, skips = fnn.Embedding(16, 8)(ids), []
    for i in range(3):
        filtered = fnn.Conv1D(8, 2, dilation=2**i, padding="causal", activation="tanh")(h)
        gate = fnn.Conv1D(8, 2, dilation=2**i, padding=((2**i, 0),), activation="sigmoid")(h)
        skips.append(fnn.Conv1D(8, 1)(fnn.Multiply()([fnn.Add()([filtered, condition]), gate])))
        h = fnn.Add()([h, skips[-1]])
    y = fnn.Conv1D(16, 3, groups=2, padding="causal", bias=False)(fnn.Activation("relu")(fnn.Add()([h, *skips])))
    return fnn.Network([ids, speaker], fnn.Dense(16, "softmax")(y), seed=2)


def mixture() -> fnn.Network:
    """Convolutions, recurrence and attention; each kind of tile; inputs that both go step by step; a shared layer."""
    x, ids = fnn.Input((STEPS, 3)), fnn.Input((STEPS,))
    h = fnn.Concatenate()([x, fnn.Embedding(5, 4)(ids)])
    h = fnn.Conv1D(40, 3, dilation=2, padding="causal")(fnn.Conv1D(1, 2, padding="causal")(h))
    h = fnn.LayerNorm()(h)
    attend = fnn.MultiHeadAttention(2, key_size=3, causal=True, key_heads=1)
    h = fnn.GRU(6, return_sequences=True)(attend(attend(h)))
    return fnn.Network([x, ids], [fnn.Dense(2)(h), fnn.SimpleRNN(3, name="last")(h)], seed=3)


def nested() -> fnn.Network:
    """A decoder that is a network of its own, of a held input and one that goes step by step."""
    memory, h = fnn.Input((5, 8)), fnn.Input((STEPS, 8))
    inner = fnn.Network([memory, h], fnn.MultiHeadAttention(2)([h, fnn.Dense(8, "relu")(memory)]))
    source, x = fnn.Input((5, 8), name="source"), fnn.Input((STEPS, 8), name="x")
    return fnn.Network([source, x], fnn.LSTM(3, return_sequences=True)(inner([source, x])), seed=4)


def last_states() -> fnn.Network:
    """A value that is not a sequence, or one that a layer makes, is as in predict; so is what is joined to it."""
    x, condition = fnn.Input((STEPS, 4)), fnn.Input((3,), name="condition")
    last = fnn.Add()([fnn.LSTM(6)(x), fnn.Dense(1)(condition)])
    h = fnn.PositionEmbedding()(fnn.Reshape((2, 3))(last))
    h = fnn.MultiHeadAttention(1, causal=True)(h)
    h = fnn.MultiHeadAttention(1)([h, fnn.Reshape((3, 2))(fnn.Dense(6)(condition))])
    h = fnn.Conv1D(4, 2, padding="causal")(h)
    return fnn.Network([x, condition], fnn.Dense(2)(fnn.Flatten()(h)), seed=6)


def rotary() -> fnn.Network:
    """Positions that are turned into queries and keys, of the sequence itself and of one that is held."""
    source, ids = fnn.Input((5, 8), name="source"), fnn.Input((STEPS,), name="ids")
    h = fnn.Embedding(13, 8)(ids)
    h = fnn.Add()([h, fnn.MultiHeadAttention(2, causal=True, rotary=10_000)(fnn.RMSNorm()(h))])
    h = fnn.TransformerDecoderBlock(2, 16, activation="swiglu", norm="rms", dropout=0.1)([h, source])
    h = fnn.Add()([h, fnn.MultiHeadAttention(2, rotary=100)([h, source])])
    return fnn.Network([source, ids], fnn.Dense(13)(h), seed=7)


NETWORKS: dict[str, tuple[Callable[[], fnn.Network], tuple[str, ...]]] = {
    "encoder and decoder": (encoder_decoder, ("source",)),
    "transformer": (transformer, ("source",)),
    "wavenet": (wavenet, ("speaker",)),
    "mixture": (mixture, ()),
    "nested": (nested, ("source",)),
    "rotary": (rotary, ("source",)),
    "last states": (last_states, ("condition",)),
    "gpt": (lambda: fnn.architectures.gpt(31, STEPS, units=24, heads=3, blocks=2, seed=5), ()),
}


def data(net: fnn.Network, rows: int) -> dict[str, Any]:
    random, found = generator(rows), {}
    for i, (name, shape) in enumerate(zip(net.graph.inputs, net.features, strict=True)):
        ids = net.graph.vocabulary(i)
        found[name] = random.integers(0, ids, (rows, *shape)) if ids else random.standard_normal((rows, *shape))
    return {name: x if x.dtype == np.int64 else x.astype(np.float32) for name, x in found.items()}


def predicted(net: fnn.Network, x: dict[str, Any]) -> dict[str, np.ndarray]:
    y = net.predict(x if len(x) > 1 else next(iter(x.values())))
    return y if isinstance(y, dict) else {"": y}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rows", [1, 4, 65])
@pytest.mark.parametrize("name", NETWORKS)
def test_steps_have_the_bits_of_predict(name: str, rows: int, threads: int) -> None:
    make, held = NETWORKS[name]
    net = make()
    x = data(net, rows)
    with fnn.threads(threads):
        wanted, f = predicted(net, x), net.freeze(rows, streaming=True)
        assert f.held == held
        steps = {name: array for name, array in x.items() if name not in held}
        (times,) = {array.shape[1] for array in steps.values()}
        for _ in range(2):
            f.reset(**{name: x[name] for name in held})
            for t in range(times):
                y = f.step(*(array[:, t] for array in steps.values()))
                for key, found in (y if isinstance(y, dict) else {"": y}).items():
                    whole = wanted[key].ndim == found.ndim + 1
                    if whole or t == times - 1:
                        assert_same_bits(found, wanted[key][:, t] if whole else wanted[key])


def test_padding_is_causal(isa: str) -> None:
    """As zeros before the sequence; a longer stride leaves steps out."""
    x = generator(0).standard_normal((2, 12, 5)).astype(np.float32)
    for kernel, dilation, strides in ((1, 1, 1), (3, 1, 1), (4, 3, 1), (3, 2, 4)):
        both = []
        for padding in ("causal", (((kernel - 1) * dilation, 0),)):
            layer = fnn.Conv1D(4, kernel, strides, padding, dilation)  # type: ignore[arg-type]
            both.append(fnn.Sequential([layer], input_shape=(12, 5), seed=0))
        assert_same_bits(*(net.predict(x) for net in both))
        assert both[0].output_shape == (-(-12 // strides), 4)
    fnn.check_gradients(both[0].compile("sgd", "mse"), x, generator(1).standard_normal((2, 3, 4)))
    with pytest.raises(ValueError, match=r"unknown Conv2D: padding 'causal'; known: same, valid"):
        fnn.Conv2D(3, 3, padding="causal")
    with pytest.raises(ValueError, match=r"unknown Conv1D: padding 'full'; known: same, valid, causal"):
        fnn.Conv1D(3, 3, padding="full")


def test_inputs_in_all_forms() -> None:
    net = mixture()
    x, f = data(net, 1), net.freeze(streaming=True)
    assert f.input_shape == {"input_0": (3,), "input_1": ()}
    assert f.output_shape == {"dense_0": (2,), "last": (3,)}
    assert repr(f) == f"Stream({f.input_shape} -> {f.output_shape}, 1 at a time)"
    a, b = x["input_0"][0, 0], x["input_1"][0, 0]
    first = f.step(a, b)
    out = np.empty(2, np.float32), np.empty(3, np.float32)
    for given in (([a, b],), ((a, b),), ({"input_1": b, "input_0": a},), (a[None], [b])):
        f.reset()
        y = f.step(*given)
        for key, value in first.items():
            assert_same_bits(y[key].reshape(value.shape), value)
    f.reset()
    assert f.step(a, b, out=out) is out
    assert_same_bits(out[1], first["last"])
    before = f.state
    wrong: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((a,), {}, "x: expected a list or a dict of arrays for 'input_0', 'input_1'"),
        ((a, b, b), {}, "step: expected the inputs input_0, input_1, got 3"),
        (({"input_0": a},), {}, "'input_1' is missing"),
        ((a[None], b), {}, "all inputs with an axis for the streams, or all without"),
        ((a[:2], b), {}, r"x\['input_0'\]: expected a step of 1 streams \(1, 3\), or \(3,\), got \(2,\)"),
        ((a, 5), {}, r"x\['input_1'\].* is 5; expected an integer id from 0 to 4"),
        ((a, b), {"out": out[:1]}, "out: expected 2 arrays"),
        ((a, b), {"out": out[::-1]}, r"out\['dense_0'\]: expected a writable float32 array \(2,\)"),
    ]
    for given, options, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            f.step(*given, **options)
    for name, array in before.items():
        assert_same_bits(f.state[name], array)


def test_out_may_follow_the_only_input() -> None:
    net = fnn.Sequential([fnn.GRU(3)], input_shape=(4, 2), seed=0)
    f, out, x = net.freeze(streaming=True), np.empty(3, np.float32), np.ones(2, np.float32)
    assert f.step(x, out) is out
    f.reset()
    assert_same_bits(f.step(x), out)
    for given, options in (((x, out, out), {}), ((), {}), ((x, out), {"out": out})):
        with pytest.raises(TypeError, match="step: expected the inputs input_0, got"):
            f.step(*given, **options)


def test_inputs_that_are_held() -> None:
    net = encoder_decoder()
    x, f = data(net, 3), net.freeze(3, streaming=True)
    source, ids = x["source"], x["ids"]
    with pytest.raises(
        RuntimeError, match=r"step: some inputs are the same at all steps; first give them, f.reset\(source=...\)"
    ):
        f.step(ids[:, 0])
    for call in (f.reset, lambda: f.state):
        with pytest.raises(RuntimeError, match=r"first give them, f.reset\(source=...\)"):
            call()
    with pytest.raises(ValueError, match="give what is held of all 3 streams first"):
        f.reset([1], source=source[:1])
    f.reset(source=source)
    wanted = predicted(net, x)
    f.step(ids[:, 0])
    before = f.state
    wrong: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((), {"memory": source}, "reset: unknown 'memory'; expected 'source'"),
        ((), {"source": source[:2]}, r"x\['source'\]: expected \(7, 5\), or for each of 3 streams \(3, 7, 5\), got"),
        (([0, 2],), {"source": source}, r"or for each of 2 streams \(2, 7, 5\), got \(3, 7, 5\)"),
        ((), {"source": "text"}, "numbers"),
        (([3],), {}, "rows: expected integers from 0 to 2"),
    ]
    for given, held, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            f.reset(*given, **held)
    for name, array in before.items():
        assert_same_bits(f.state[name], array)
    assert_same_bits(f.step(ids[:, 1])["next"], wanted["next"][:, 1])
    f.reset([1], source=source[2:])  # one stream alone reads another source
    f.step(ids[[0, 0, 2], 2])
    y = f.step(ids[[0, 1, 2], 3])["next"]
    assert_same_bits(y[[0, 2]], wanted["next"][[0, 2], 3])
    f.reset()  # the sources stay
    f.reset(source=source[0])  # one for all
    y = f.step(ids[[0, 0, 0], 0])["next"]
    assert_same_bits(y, wanted["next"][[0, 0, 0], 0])
    with pytest.raises(TypeError, match="reset: the network has no inputs that are held, got 'source'"):
        mixture().freeze(streaming=True).reset(source=source)


def test_a_sequence_that_is_held_where_it_is_said() -> None:
    source, x = fnn.Input((5, 3), name="source"), fnn.Input((STEPS, 4), name="x")
    pooled = fnn.Reshape((1, 6))(fnn.GlobalAvgPool()(fnn.Conv1D(6, 3)(source)))
    net = fnn.Network([source, x], fnn.GRU(2, return_sequences=True)(fnn.Add()([fnn.Dense(6)(x), pooled])), seed=0)
    given = data(net, 2)
    with pytest.raises(ValueError, match="conv1d_0: reads whole sequences, so it cannot run step by step"):
        net.freeze(2, streaming=True)
    wanted = net.predict(given)
    for held in ("source", ["source"]):
        f = copy.copy(net.freeze(2, streaming=True, held=held))
        f.reset(source=given["source"])
        for t in range(STEPS):
            assert_same_bits(f.step(given["x"][:, t]), wanted[:, t])
    f.reset([False, False], source=given["source"][:0])
    wrong: list[tuple[Any, str]] = [
        (["memory"], "unknown held input 'memory'; known: source, x"),
        (["source", "x"], "no input is a sequence that the outputs follow step by step"),
        (3, "held must be a list of names, got 3"),
    ]
    for names, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            net.freeze(2, streaming=True, held=names)
    with pytest.raises(ValueError, match="freeze: held goes with streaming=True"):
        net.freeze(held=["source"])  # type: ignore[call-overload]


def test_ids_that_are_held_and_wrong() -> None:
    net = transformer()
    f = net.freeze(2, streaming=True)
    f.reset(source=np.zeros(6))
    before = f.state
    for wrong in (9, -1, 0.5):
        with pytest.raises(ValueError, match=rf"x\['source'\]\[0, 0\] is {wrong}; expected an integer id from 0 to 8"):
            f.reset(source=np.full(6, wrong))
    for name, array in before.items():
        assert_same_bits(f.state[name], array)


def test_a_sequence_that_is_full() -> None:
    net = fnn.Sequential([fnn.MultiHeadAttention(2, causal=True)], input_shape=(4, 6), seed=0)
    x = generator(1).standard_normal((2, 9, 6)).astype(np.float32)
    for capacity, most in ((None, 4), (7, 7)):
        f = net.freeze(2, streaming=True, capacity=capacity)
        f.step(x[:, 0])
        f.reset([1])
        for t in range(1, most):
            f.step(x[:, t])
        before = f.state
        with pytest.raises(RuntimeError, match=rf"step: stream 0 has had {most} steps, the most that multi_head_att"):
            f.step(x[:, most])
        for name, array in before.items():
            assert_same_bits(f.state[name], array)
        f.reset([0])
        f.step(x[:, most])
    longer = fnn.Sequential([fnn.MultiHeadAttention(2, causal=True)], input_shape=(7, 6), seed=0)
    wanted = longer.predict(x[:, :7])
    f.reset()
    for t in range(7):
        assert_same_bits(f.step(x[:, t]), wanted[:, t])


def test_what_a_stream_refuses() -> None:
    gpt = fnn.architectures.gpt(7, 5, units=8, heads=2, blocks=1, seed=0)
    recurrent = fnn.Sequential([fnn.LSTM(3)], input_shape=(4, 2), seed=0)
    x, h = fnn.Input((4, 2)), fnn.Input((5,))
    changing = fnn.Network(x, fnn.GRU(3)(x, initial_state=fnn.GRU(3)(x)), seed=0)
    made = fnn.Reshape((4, 3))(fnn.Dense(12)(h))
    joined = fnn.Network([x, h], fnn.Add()([fnn.LSTM(3, return_sequences=True)(x), made]), seed=0)
    image = fnn.Sequential([fnn.Flatten(), fnn.Dense(2)], input_shape=(4, 4, 1), seed=0)
    wrong: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: gpt.freeze(streaming=True, capacity=6), ValueError, "position_embedding_0: has room for 5 steps, so"),
        (lambda: gpt.freeze(streaming=True, capacity=0), ValueError, "capacity must be an integer from 1"),
        (lambda: gpt.freeze(capacity=3), ValueError, "freeze: capacity goes with streaming=True"),
        (lambda: changing.freeze(streaming=True), ValueError, "has initial states, so it cannot carry a state"),
        (lambda: joined.freeze(streaming=True), ValueError, "add_0: reads a sequence that a layer makes"),
        (lambda: image.freeze(streaming=True), ValueError, "no input is a sequence that the outputs follow"),
        (
            lambda: recurrent.freeze(streaming=True, capacity=3),
            ValueError,
            "capacity is for layers that keep",
        ),
    ]
    for call, error, message in wrong:
        with pytest.raises(error, match=message):
            call()
    assert gpt.freeze(streaming=True, capacity=2).step(0).shape == (7,)
