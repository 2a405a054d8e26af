"""Decoding of label sequences, against brute force."""

import numpy as np
import pytest

import fastnn as fnn
import reference_ctc
from check import generator


def probabilities(seed: int, times: int, classes: int) -> np.ndarray:
    """Random ones, some of them 0."""
    random = generator(seed, times, classes)
    p = random.dirichlet(np.full(classes, 0.7), times)
    p[random.random(p.shape) < (seed % 3) * 0.15] = 0
    p[p.sum(axis=1) == 0] = 1
    return p / p.sum(axis=1, keepdims=True)


def test_a_wide_beam_is_exact() -> None:
    for seed in range(60):
        times, classes = 1 + seed % 6, 2 + seed % 3
        p, blank = probabilities(seed, times, classes), seed % classes
        found = fnn.decode.ctc_beam(p[None], width=10_000, blank=blank)[0]
        wanted = reference_ctc.labelings(p, blank)
        assert {tuple(labels.tolist()) for labels, _ in found} == set(wanted)
        for labels, log_p in found:
            assert labels.dtype == np.int64 and log_p == pytest.approx(np.log(wanted[tuple(labels.tolist())]))
        values = [log_p for _, log_p in found]
        assert values == sorted(values, reverse=True)


def test_a_narrow_beam() -> None:
    """It has `width` different labelings, none more probable than it is, and is better the wider it is."""
    for seed in range(10):
        p = probabilities(3 * seed, 7, 3)
        wanted, best = reference_ctc.labelings(p, 0), []
        for width in (1, 2, 4, 8, 16):
            found = fnn.decode.ctc_beam(p[None], width=width)[0]
            keys = [tuple(labels.tolist()) for labels, _ in found]
            assert len(set(keys)) == len(keys) == width
            assert all(np.exp(log_p) <= wanted[key] + 1e-12 for key, (_, log_p) in zip(keys, found, strict=True))
            best.append(found[0][1])
        assert best[-1] >= best[0]


def test_a_prefix_that_comes_back_is_the_same_one() -> None:
    """Where a prefix leaves the beam and its continuation stays, the two are merged when it returns."""
    for seed in range(300):
        found = fnn.decode.ctc_beam(probabilities(seed, 30, 3)[None], width=3)[0]
        keys = [tuple(labels.tolist()) for labels, _ in found]
        assert len(set(keys)) == len(keys)


def test_greedy() -> None:
    for seed in range(30):
        y = np.stack([probabilities(seed + i, 9, 4) for i in range(3)])
        lengths, blank = [9, 4, 1], seed % 4
        found = fnn.decode.ctc_greedy(y, lengths, blank)
        for labels, each, end in zip(found, y, lengths, strict=True):
            assert tuple(labels.tolist()) == reference_ctc.collapsed(tuple(each[:end].argmax(axis=1)), blank)
        with np.errstate(divide="ignore"):
            again = fnn.decode.ctc_greedy(np.log(y), lengths, blank)
        assert all((a == b).all() for a, b in zip(found, again, strict=True))


def test_lengths_of_a_beam() -> None:
    y = np.stack([probabilities(i, 9, 4) for i in range(3)])
    y[1, 4:] = np.nan
    found = fnn.decode.ctc_beam(y, lengths=[9, 4, 1], width=5)
    for i, end in enumerate((9, 4, 1)):
        for (a, p), (b, q) in zip(found[i], fnn.decode.ctc_beam(y[i : i + 1, :end], width=5)[0], strict=True):
            assert (a == b).all() and p == q


def test_the_loss_is_what_the_beam_finds() -> None:
    p = probabilities(1, 6, 4)
    for labels, log_p in fnn.decode.ctc_beam(p[None], width=10_000)[0][:5]:
        loss, _ = fnn.losses.ctc(np.log(np.maximum(p, 1e-30))[None], [[*labels, -1]])
        assert loss == pytest.approx(-log_p, abs=1e-5)


Y = np.full((2, 3, 4), 0.25)
WRONG = {
    "rank": (lambda: fnn.decode.ctc_greedy(Y[0]), r"ctc_greedy: expected y \(batch, frames, classes\).* got \(3, 4\)"),
    "classes": (lambda: fnn.decode.ctc_beam(Y[..., :1]), "at least one more class"),
    "blank": (lambda: fnn.decode.ctc_greedy(Y, blank=4), "ctc_greedy: blank must be an integer"),
    "width": (lambda: fnn.decode.ctc_beam(Y, width=0), "ctc_beam: width must be an integer"),
    "lengths": (lambda: fnn.decode.ctc_beam(Y, [3, 4]), r"lengths\[1\] is 4; expected an integer from 1 to 3"),
    "no length": (lambda: fnn.decode.ctc_greedy(Y, [0, 3]), r"lengths\[0\] is 0; expected"),
    "shape": (lambda: fnn.decode.ctc_greedy(Y, [3]), r"lengths: expected \(2,\)"),
    "NaN": (lambda: fnn.decode.ctc_greedy(Y * np.nan), r"ctc_greedy: y\[0\] has a NaN"),
    "logits": (lambda: fnn.decode.ctc_beam(np.where(Y > 0, -1.0, 0)), r"y\[0, 0\] are not probabilities"),
    "sum": (lambda: fnn.decode.ctc_beam(2 * Y), "whose sum is 1; for a network that ends in logits"),
    "text": (lambda: fnn.decode.ctc_greedy("ab"), "ctc_greedy: y: expected an array of real numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises((TypeError, ValueError), match=message):
        call()
