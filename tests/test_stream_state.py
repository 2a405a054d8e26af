"""The state of a stream: read, set, copied, and moved from stream to stream."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator
from fastnn.inference.stream import Stream
from test_stream_layers import NETWORKS, data, predicted

STEPS = 9
X = generator(1).standard_normal((3, STEPS, 4)).astype(np.float32)


def network(units: int = 20) -> fnn.Network:
    layers = [
        fnn.LSTM(units, return_sequences=True),
        fnn.Conv1D(8, 3, dilation=2, padding="causal"),
        fnn.MultiHeadAttention(2, causal=True),
        fnn.SimpleRNN(5, return_sequences=True),
    ]
    return fnn.Sequential(layers, input_shape=(STEPS, 4), seed=1)


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert list(first) == list(second)
    for name, array in first.items():
        assert_same_bits(array, second[name])


def run(f: Stream, steps: range, rows: Any = slice(None)) -> np.ndarray:
    return np.stack([f.step(X[rows, t]) for t in steps], axis=1)


def test_what_is_in_it() -> None:
    f = network().freeze(3, streaming=True)
    assert {name: array.shape for name, array in f.state.items()} == {
        "lstm_0.h": (3, 20),
        "lstm_0.c": (3, 20),
        "conv1d_0.inputs": (3, 4, 20),
        "steps": (3, 1),
        "multi_head_attention_0.keys_and_values": (3, 0, 16),
        "simple_rnn_0.h": (3, 5),
    }
    assert not any(array.any() for array in f.state.values())
    run(f, range(5))
    state = f.state
    assert (state["steps"] == 5).all()
    assert state["multi_head_attention_0.keys_and_values"].shape == (3, 5, 16)
    lstm = fnn.Sequential([fnn.LSTM(20, return_sequences=True)], input_shape=(STEPS, 4), seed=1)
    before = lstm.predict(X)
    assert_same_bits(state["conv1d_0.inputs"], before[:, 1:5])  # the oldest first
    assert_same_bits(state["lstm_0.h"], before[:, 4])


def test_a_state_that_is_kept() -> None:
    net = network()
    wanted, f = net.predict(X), net.freeze(3, streaming=True)
    for kept_at in (0, 1, 4, 7):
        f.reset()
        run(f, range(kept_at)) if kept_at else None
        kept = f.state
        run(f, range(kept_at, STEPS))
        f.state = kept
        same(f.state, kept)
        assert_same_bits(run(f, range(kept_at, STEPS)), wanted[:, kept_at:])
        other = net.freeze(3, streaming=True)
        run(other, range(2))
        other.state = {name: array.tolist() for name, array in kept.items() if array.size} | {
            name: array for name, array in kept.items() if not array.size
        }
        same(other.state, kept)
        assert_same_bits(run(other, range(kept_at, STEPS)), wanted[:, kept_at:])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies(copied: Callable[[Any], Any]) -> None:
    """Each continues on its own, with the weights of before."""
    net = network()
    wanted, f = net.predict(X), net.freeze(3, streaming=True)
    run(f, range(3))
    net.weights["simple_rnn_0.bias"] += 1
    g = copied(f)
    same(f.state, g.state)
    assert_same_bits(run(g, range(3, STEPS)), wanted[:, 3:])
    assert_same_bits(run(f, range(3, STEPS)), wanted[:, 3:])
    g.refresh()
    g.reset()
    f.reset()
    assert_same_bits(run(f, range(STEPS)), wanted)
    assert_same_bits(run(g, range(STEPS)), net.predict(X))
    with pytest.raises(TypeError, match=r"a Stream cannot be pickled; save the network, and f\.state"):
        pickle.dumps(f)


@pytest.mark.parametrize("name", NETWORKS)
def test_select(name: str) -> None:
    """Streams that continue others, in caches, rings and what is held, as rows of predict."""
    make, held = NETWORKS[name]
    net, rows = make(), np.array([2, 0, 2, 1])
    x = data(net, 4)
    f = net.freeze(4, streaming=True)
    f.reset(**{name: x[name] for name in held})
    for t in range(3):
        f.step(*(array[:, t] for name, array in x.items() if name not in held))
    f.select(rows)
    saved, chosen = copy.copy(f), {name: array[rows] for name, array in x.items()}
    wanted = predicted(net, chosen)
    for each in (f, saved):
        y = each.step(*(array[:, 3] for name, array in chosen.items() if name not in held))
        for key, found in (y if isinstance(y, dict) else {"": y}).items():
            if wanted[key].ndim == found.ndim + 1:
                assert_same_bits(found, wanted[key][:, 3])


def test_select_after_some_begin_again() -> None:
    net = network()
    wanted, f = net.predict(X), net.freeze(3, streaming=True)
    run(f, range(4))
    f.reset([True, False, False])
    f.select([1, 0, 0])
    y = np.stack([f.step(X[[1, 0, 0], [4 + t, t, t]]) for t in range(4)], axis=1)
    assert_same_bits(y, np.stack([wanted[1, 4:8], wanted[0, :4], wanted[0, :4]]))


@pytest.mark.parametrize("rows", [[3], [-1], [0.5], [[0]], np.array([True]), "all"])
def test_streams_that_do_not_exist(rows: Any) -> None:
    f = network().freeze(3, streaming=True)
    run(f, range(2))
    before = f.state
    for call in (f.reset, f.select):
        with pytest.raises((TypeError, ValueError), match="rows: expected integers"):
            call(rows)
    with pytest.raises(ValueError, match="rows: expected a stream for each of 3, got 2"):
        f.select([0, 1])
    same(f.state, before)


def test_states_that_do_not_fit() -> None:
    net = network()
    f = net.freeze(3, streaming=True)
    run(f, range(2))
    before, caches = f.state, "multi_head_attention_0.keys_and_values"
    less = {name: array for name, array in before.items() if name != "steps"}
    wrong: list[tuple[Any, str]] = [
        (list(before.values()), "state: expected a dict of arrays by name, as f.state is, got list"),
        (less, "state: 'steps' is missing; expected 'lstm_0.h', "),
        ({**before, "gru_0.h": 0}, "state: unknown 'gru_0.h'; expected"),
        (net.freeze(2, streaming=True).state, r"state\['lstm_0.h'\]: expected finite \(3, 20\), got \(2, 20\)"),
        (network(8).freeze(3, streaming=True).state, r"state\['lstm_0.h'\]: expected finite \(3, 20\), got \(3, 8\)"),
        ({**before, "lstm_0.h": np.full((3, 20), np.nan)}, r"state\['lstm_0.h'\]: expected finite"),
        ({**before, "lstm_0.h": "a"}, r"state\['lstm_0.h'\]: expected an array of real numbers"),
        ({**before, "steps": [[10]] * 3}, rf"state\['steps'\]: expected integers \(3, 1\) from 0 to {STEPS}"),
        ({**before, "steps": [[0.5]] * 3}, r"state\['steps'\]: expected integers \(3, 1\)"),
        ({**before, "steps": [[3]] * 3}, rf"state\['{caches}'\]: has 2 of 3 steps"),
        ({**before, caches: np.zeros((3, 10, 16))}, rf"state\['{caches}'\]: expected finite \(3, 'steps', 16\)"),
        (
            {**before, "conv1d_0.inputs": np.zeros((3, 5, 20))},
            r"state\['conv1d_0.inputs'\]: expected finite \(3, 4, ",
        ),
    ]
    for given, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            f.state = given
        same(f.state, before)
