"""Sequences written step by step: against all sequences, and against what predict says of them."""

from itertools import product
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, generator
from fastnn.decode import Hypothesis

CLASSES, STEPS, START, END = 4, 4, 0, 3


def network(activation: str | None = "softmax", kind: str = "gru") -> fnn.Network:
    """A small one whose distributions are far from uniform."""
    if kind == "gpt":
        net = fnn.architectures.gpt(CLASSES, STEPS + 1, units=8, heads=2, blocks=1, seed=3)
    else:
        layers = [fnn.Embedding(CLASSES, 5), fnn.GRU(6, return_sequences=True), fnn.Dense(CLASSES, activation)]
        net = fnn.Sequential(layers, input_shape=(STEPS + 1,), seed=3)
    random = generator(2)
    for values in net.weights.values():
        values[...] = random.standard_normal(values.shape)
    return net


def probability(net: fnn.Network, ids: tuple[int, ...], logits: bool = False) -> float:
    """log p(ids | START), by predict."""
    x = np.zeros((1, STEPS + 1), np.int64)
    x[0, 1 : 1 + len(ids)] = ids
    y = net.predict(x)[0].astype(np.float64)
    if logits:
        y = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    return float(np.log(y[np.arange(len(ids)), ids] / y[: len(ids)].sum(axis=1)).sum())


def exhaustive(net: fnn.Network, power: float, logits: bool = False) -> list[tuple[float, tuple[int, ...]]]:
    """All sequences that end within STEPS, with their scores, the best first."""
    others = sorted({*range(CLASSES)} - {END})
    ids = [each for length in range(STEPS) for each in product(others, repeat=length)]
    scores = [probability(net, (*each, END), logits) / ((6 + len(each)) / 6) ** power for each in ids]
    return sorted(zip(scores, ids, strict=True), reverse=True)


@pytest.mark.parametrize("power", [0.0, 0.6, 3.0])
@pytest.mark.parametrize(("activation", "kind"), [("softmax", "gru"), (None, "gru"), ("softmax", "gpt")])
def test_a_wide_beam_finds_the_best(activation: str | None, kind: str, power: float) -> None:
    net, width = network(activation, kind), 3 ** (STEPS - 1)
    wanted = exhaustive(net, power, activation is None)
    found = fnn.decode.beam(net.freeze(width, streaming=True), START, END, STEPS, width, power)
    assert [tuple(each.ids) for each in found] == [ids for _, ids in wanted[: len(found)]]
    assert_close([each.score for each in found], [score for score, _ in wanted[: len(found)]], tolerance=1e-5)
    assert all(each.ended and each.ids.dtype == np.int64 for each in found)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_a_narrow_beam_says_what_is_true(width: int) -> None:
    """Scores and probabilities are those of the ids; a wider beam finds no less."""
    net = network()
    best = exhaustive(net, 0.6)[0][0]
    found = fnn.decode.beam(net.freeze(width, streaming=True), START, END, STEPS, width)
    assert 1 <= len(found) <= width
    for each in found:
        ids = (*map(int, each.ids), *([END] if each.ended else []))
        assert_close(each.log_probability, probability(net, ids), tolerance=1e-5)
        assert_close(each.score, each.log_probability / ((5 + len(ids)) / 6) ** 0.6)
    assert found[0].score <= best + 1e-5
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


class Table:
    """A user's own steps: the next id depends on the last one alone."""

    def __init__(self, table: np.ndarray, batch_size: int) -> None:
        self.table, self.batch_size, self.selected = table, batch_size, 0

    def step(self, ids: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.table[ids]
        return found

    def select(self, rows: np.ndarray) -> None:
        assert rows.shape == (self.batch_size,)
        self.selected += 1


def test_a_beam_where_nothing_ends() -> None:
    table = np.array([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]])
    found = fnn.decode.beam(Table(table, 2), 0, 2, steps=3, width=2)
    assert not any(each.ended for each in found)
    assert found[0].ids.tolist()[:2] == [1, 0]
    assert_close(found[0].log_probability, np.log(0.5 * 0.9 * 0.5))
    assert isinstance(found[0], Hypothesis)


def test_a_beam_ends_early() -> None:
    """Where no longer sequence can be better, and where there is none."""
    certain = Table(np.array([[0.0, 1e-9, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), 1)
    (found,) = fnn.decode.beam(certain, 0, 2, steps=1000, width=1)
    assert found.ids.tolist() == [] and certain.selected < 3
    only = Table(np.eye(3)[[2, 2, 2]], 2)
    assert [each.ids.tolist() for each in fnn.decode.beam(only, 0, 2, steps=5, width=2)] == [[]]


@pytest.mark.parametrize("kind", ["gru", "gpt"])
def test_greedy(kind: str) -> None:
    net = network(kind=kind)
    f = net.freeze(3, streaming=True)
    starts = np.array([0, 1, 2])
    found = fnn.decode.greedy(f, starts, END, STEPS)
    for start, ids in zip(starts, found, strict=True):
        x = np.zeros((1, STEPS + 1), np.int64)
        x[0, 0] = start
        wanted = []
        for t in range(STEPS):
            x[0, t + 1] = net.predict(x)[0, t].argmax()
            wanted.append(int(x[0, t + 1]))
        assert ids.tolist() == (wanted[: wanted.index(END)] if END in wanted else wanted)
    f.reset()
    assert [len(ids) for ids in fnn.decode.greedy(f, 0, None, STEPS)] == [STEPS] * 3
    counting = Table(np.eye(10)[(np.arange(10) + 1) % 10], 1)
    assert fnn.decode.greedy(counting, 2, 7, 20)[0].tolist() == [3, 4, 5, 6]


def test_sample() -> None:
    net = network()
    f = net.freeze(streaming=True)
    found = []
    for seed in (1, 1, 2):
        f.reset()
        found.append(fnn.decode.sample(f, [0, 1, 2], 30, temperature=1.5, seed=seed).tolist())
    assert found[0] == found[1] != found[2]
    x, rng = np.zeros((1, STEPS + 1), np.int64), np.random.default_rng(1)
    x[0, :3] = [0, 1, 2]
    for t in range(2, STEPS):  # the same draws from what predict says
        x[0, t + 1] = fnn.decode.draw(net.predict(x)[0, t][None], 1.5, rng=rng)[0]
    assert x[0, 3:].tolist() == found[0][:2]
    several = net.freeze(3, streaming=True)
    assert fnn.decode.sample(several, [0, 1], 5, top_k=1, seed=0).shape == (3, 5)
    assert fnn.decode.sample(several, [[0], [1], [2]], 5, top_p=0.5, seed=0).shape == (3, 5)
    table = Table(np.array([[0, 0.5, 0.5], [1, 0, 0], [1, 0, 0]]), 2)
    assert (fnn.decode.sample(table, [0], 9, seed=0)[:, 1::2] == 0).all()


def test_what_is_refused() -> None:
    net = network()
    one, two = net.freeze(streaming=True), net.freeze(2, streaming=True)
    decode, nan = fnn.decode, Table(np.full((3, 3), np.nan), 1)
    before = two.state
    x = fnn.Input((4,))
    h = fnn.GRU(3, return_sequences=True)(fnn.Embedding(4, 2)(x))
    several = fnn.Network(x, [fnn.Dense(4)(h), fnn.Dense(2)(h)], seed=0).freeze(streaming=True)
    wrong: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
        (decode.beam, (two, 0, 3, 4), {"width": 0}, "width must be an integer from 1"),
        (decode.beam, (two, 0, 3, 4), {"width": 3}, "width: 3 beginnings need an f of batch_size 3, got 2"),
        (decode.beam, (two, 0, 4, 4, 2), {}, "end: expected a class, an integer from 0 to 3, got 4"),
        (decode.beam, (two, 0, -1, 4, 2), {}, "end must be an integer from 0"),
        (decode.beam, (two, 0, None, 4, 2), {}, "end must be an integer"),
        (decode.beam, (two, 0.5, 3, 4, 2), {}, r"start: expected an id, or \(2,\), integers"),
        (decode.beam, (two, 9, 3, 4, 2), {}, "expected an integer id from 0 to 3"),
        (decode.beam, (two, 0, 3, 0, 2), {}, "steps must be an integer from 1"),
        (decode.beam, (two, 0, 3, 4, 2, -1.0), {}, "length_penalty must be a number >= 0"),
        (decode.greedy, (one, [0, 1], 3, 4), {}, r"start: expected an id, or \(1,\)"),
        (decode.greedy, (one, 0, 7, 4), {}, "end: expected a class"),
        (decode.greedy, (nan, 0, 1, 4), {}, "f.step: returned a NaN"),
        (decode.greedy, (nan, 0, 5, 4), {}, "f.step: returned a NaN"),
        (decode.greedy, (Table(np.eye(3)[:, None], 1), 0, 1, 4), {}, r"f.step: expected floats \(1, classes\), got"),
        (decode.greedy, (Table(np.eye(3), 1), 0, 5, 4), {}, "end: expected a class, an integer from 0 to 2, got 5"),
        (decode.greedy, (net, 0, 1, 4), {}, r"f: needs batch_size, step\(ids\) and select\(rows\); Sequential has no"),
        (decode.greedy, (several, 0, 1, 4), {}, "f: has the outputs dense_0, dense_1; pass an object"),
        (decode.sample, (one, [], 4), {}, "prompt: expected one or more ids"),
        (decode.sample, (one, "The", 4), {}, "prompt: expected one or more ids"),
        (decode.sample, (two, [[0]], 4), {}, "prompt: expected 2 sequences, one for each of f, got 1"),
        (decode.sample, (one, [0], 0), {}, "n must be an integer from 1"),
        (decode.sample, (two, [0], 4, -1.0), {}, "temperature must be a number"),
    ]
    for call, given, options, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            call(*given, **options)
    for name, array in two.state.items():
        assert (array == before[name]).all()
