"""Random draws from predicted distributions: how often each class comes, and what is refused."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import generator

CLASSES = 12
LOGITS = generator(5).standard_normal(CLASSES).astype(np.float32) * 2
P = np.exp(LOGITS) / np.exp(LOGITS).sum()


def wanted(temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    """The distribution in float64."""
    p = np.exp(LOGITS.astype(np.float64) / temperature)
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    count = min(top_k or CLASSES, int(np.searchsorted(p[order].cumsum(), top_p * (1 - 1e-12)) + 1))
    kept = np.isin(np.arange(CLASSES), order[:count])
    found: np.ndarray = np.where(kept, p, 0) / p[kept].sum()
    return found


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 3.0},
        {"top_k": 3},
        {"top_p": 0.8},
        {"top_k": 4, "top_p": 0.9},
        {"temperature": 2.0, "top_k": 5, "top_p": 0.7},
        {"top_k": 1},
        {"top_p": 1e-20},
        {"top_k": 99},
    ],
)
def test_how_often_each_class_comes(settings: dict[str, Any], logits: bool) -> None:
    n, p = 40_000, wanted(**settings)
    x = np.broadcast_to(LOGITS if logits else P, (n, CLASSES))
    for known in (None, logits):
        drawn = fnn.decode.draw(x, **settings, rng=generator(3), logits=known)
        assert drawn.shape == (n,) and drawn.dtype == np.int64
        share = np.bincount(drawn, minlength=CLASSES) / n
        assert not share[p == 0].any()
        assert (abs(share - p) <= 5 * np.sqrt(p * (1 - p) / n)).all()


def test_the_same_seed_gives_the_same_draws() -> None:
    rows = np.stack([LOGITS, -LOGITS, LOGITS * 0])
    many = fnn.decode.draw(rows, 0.7, 5, rng=generator(1))
    assert (many == fnn.decode.draw(rows.astype(np.float64), 0.7, 5, rng=generator(1))).all()
    rng = generator(1)
    assert many.tolist() == [fnn.decode.draw(row, 0.7, 5, rng=rng) for row in rows]
    assert type(fnn.decode.draw(LOGITS.tolist())) is int


def test_sums_that_are_not_one() -> None:
    """What NumPy's choice refuses for its rounding, and weights of any size if it is said that they are no logits."""
    p = np.full(100_000, 1e-5, np.float32)
    assert 0 <= fnn.decode.draw(p) < len(p)
    weights = np.array([0, 3, 0, 9], np.float32)
    drawn = fnn.decode.draw(np.tile(weights, (4000, 1)), rng=generator(0), logits=False)
    assert set(drawn) == {1, 3}
    assert abs((drawn == 3).mean() - 0.75) < 0.04


@pytest.mark.parametrize("settings", [{}, {"top_k": 2}, {"top_p": 0.5}, {"temperature": 0.3}, {"temperature": 1e-37}])
def test_impossible_classes_never_come(settings: dict[str, Any]) -> None:
    logits = np.array([-np.inf, 0.5, -np.inf, 0.5, -np.inf], np.float32)
    drawn = fnn.decode.draw(np.tile(logits, (500, 1)), **settings, rng=generator(0))
    assert set(drawn) <= {1, 3}
    p = np.array([0, 0, 1, 0], np.float32)
    assert (fnn.decode.draw(np.tile(p, (500, 1)), **settings, rng=generator(0)) == 2).all()


@pytest.mark.parametrize(
    ("x", "settings", "message"),
    [
        (P, {"temperature": 0}, "temperature must be a number >= "),
        (P, {"temperature": "1"}, "temperature must be a number"),
        (P, {"top_k": -1}, "top_k must be an integer from 0"),
        (P, {"top_k": 1.5}, "top_k must be an integer"),
        (P, {"top_p": 0.0}, "top_p must be a number >= "),
        (P, {"top_p": 1.5}, "top_p must be a number >= .* and <= 1"),
        (P, {"rng": 7}, r"rng: expected a numpy.random.Generator, got int"),
        (P, {"logits": 1}, "logits must be True or False"),
        (P[None, None], {}, r"x: expected \(classes,\) or \(n, classes\), got \(1, 1, 12\)"),
        (np.zeros((2, 0)), {}, r"x: expected \(classes,\) or \(n, classes\), got \(2, 0\)"),
        ("text", {}, "x: expected an array of real numbers"),
        ([0.5, np.nan], {}, "x: expected logits below infinity, one of them finite, got"),
        ([0.5, np.inf], {}, "x: expected logits below infinity"),
        ([-np.inf, -np.inf], {}, "x: expected logits below infinity"),
        ([0.5, -0.5], {"logits": False}, "x: expected probabilities >= 0, one of them > 0, got"),
        ([0.0, 0.0], {"logits": False}, "x: expected probabilities >= 0"),
        ([[0.5, 0.5], [np.nan, 1.0]], {"logits": False}, "x: expected probabilities >= 0"),
    ],
)
def test_what_is_refused(x: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        fnn.decode.draw(x, **settings)
