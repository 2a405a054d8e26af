"""Sequences written step by step: the likeliest ones, or random ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from fastnn.common import checks
from fastnn.decode.sampling import draw


class Steps(Protocol):
    """What predicts, for n sequences at once, the next id from those before it; see `fastnn.decode`.

    Attributes
    ----------
    batch_size : int
        The number of sequences, n.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> class Counting:
    ...     batch_size = 1
    ...
    ...     def step(self, ids):
    ...         return np.eye(10)[(ids + 1) % 10]
    ...
    ...     def select(self, rows):
    ...         pass
    >>> fnn.decode.greedy(Counting(), start=2, end=7, steps=20)
    [array([3, 4, 5, 6])]
    """

    @property
    def batch_size(self) -> int:
        """The number of sequences."""

    def step(self, ids: np.ndarray, /) -> Any:
        """Append ids (n,) to the sequences; returns logits or probabilities (n, classes) of what follows."""

    def select(self, rows: np.ndarray, /) -> None:
        """Let sequence i continue what was sequence rows[i]."""


class Hypothesis(NamedTuple):
    """A sequence that `beam` found.

    Parameters
    ----------
    ids : array of int64 (length,)
        Without the start and the end.
    log_probability : float
        Of the ids, and of the end where the sequence ended.
    score : float
        What hypotheses are ranked by: the log-probability over the length penalty.
    ended : bool
        Whether the end was found, within the number of steps.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.decode.Hypothesis(np.array([3, 4]), log_probability=-1.5, score=-1.2, ended=True).ids
    array([3, 4])
    """

    ids: np.ndarray
    log_probability: float
    score: float
    ended: bool


def greedy(f: Steps, start: Any, end: int | None, steps: int) -> list[np.ndarray]:
    """Write the likeliest id at each step: y_t = argmax p(y_t | start, y_1, ..., y_(t-1)).

    Parameters
    ----------
    f : Steps
        A stream of a network, or another object as `fastnn.decode` describes.
    start : int or array of int (n,)
        The first ids that f is given.
    end : int, optional
        The id that ends a sequence; None for sequences of `steps` ids.
    steps : int
        The most ids of a sequence.

    Returns
    -------
    list of array, int64
        Each sequence without its start and end.

    Raises
    ------
    TypeError, ValueError
        For ids that are not classes, steps < 1, and an f whose steps return another shape or a NaN.

    Examples
    --------
    >>> import fastnn as fnn
    >>> f = fnn.architectures.gpt(7, 10, units=8, heads=2, blocks=1, seed=0).freeze(streaming=True)
    >>> len(fnn.decode.greedy(f, start=0, end=None, steps=5)[0])
    5
    """
    writer = _Writer(f, end)
    most = checks.integer("steps", steps)
    ids = writer.starts(start)
    found = np.zeros((writer.count, most), np.int64)
    lengths = np.full(writer.count, most)
    for t in range(most):
        ids = writer.scores(ids).argmax(axis=1)
        found[:, t] = ids
        if end is not None:
            lengths = np.where(ids == end, np.minimum(lengths, t), lengths)
            if (lengths <= t).all():
                break
    return [row[:length] for row, length in zip(found, lengths, strict=True)]


def sample(
    f: Steps,
    prompt: Any,
    n: int,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int | None = None,
    *,
    logits: bool | None = None,
) -> np.ndarray:
    """Continue a prompt with random ids, each drawn from the distribution that f predicts.

    Parameters
    ----------
    f : Steps
        A stream of a network, or another object as `fastnn.decode` describes.
    prompt : array of int (length,) or (f.batch_size, length)
        The ids before, at least one; one prompt is for all sequences.
    n : int
        How many ids to draw.
    temperature, top_k, top_p, logits
        As `draw` takes them.
    seed : int, optional
        The same seed gives the same ids. None draws one.

    Returns
    -------
    array, int64 (n,), or (f.batch_size, n) for several sequences

    Raises
    ------
    TypeError, ValueError
        For a prompt without ids, n < 1, what `draw` refuses, and an f whose steps return another shape or a NaN.

    Examples
    --------
    >>> import fastnn as fnn
    >>> f = fnn.architectures.gpt(7, 10, units=8, heads=2, blocks=1, seed=0).freeze(streaming=True)
    >>> fnn.decode.sample(f, prompt=[1, 2], n=5, seed=0).shape
    (5,)
    """
    writer, given = _Writer(f, None), np.asarray(prompt)
    if given.dtype.kind not in "iu" or given.ndim not in (1, 2) or not given.shape[-1]:
        raise TypeError(f"prompt: expected one or more ids, integers (length,), got {given.shape} {given.dtype}")
    if given.ndim == 2 and len(given) != writer.count:
        raise ValueError(f"prompt: expected {writer.count} sequences, one for each of f, got {len(given)}")
    count = checks.integer("n", n)
    draw(np.ones(1), temperature, top_k, top_p, logits=logits)  # refuses settings before f has moved
    rng = np.random.default_rng(seed)
    for column in np.broadcast_to(given, (writer.count, given.shape[-1])).T[:-1]:
        writer.scores(column)
    found, ids = np.zeros((writer.count, count), np.int64), writer.starts(given[..., -1])
    for t in range(count):
        ids = draw(writer.scores(ids), temperature, top_k, top_p, rng, logits=logits)
        found[:, t] = ids
    return found[0] if writer.count == 1 and given.ndim == 1 else found


def beam(
    f: Steps,
    start: int,
    end: int,
    steps: int,
    width: int = 4,
    length_penalty: float = 0.6,
    *,
    logits: bool | None = None,
) -> list[Hypothesis]:
    """Search the sequences y of the highest score, log p(y | start) / ((5 + length) / 6)^length_penalty.

    At each step the `width` likeliest beginnings are kept, each of which may also end; the length counts the end.

    Parameters
    ----------
    f : Steps
        A stream of a network with batch_size=width, or another object as `fastnn.decode` describes; all of its
        sequences must be the same at first.
    start, end : int
        The id that f is given first, and the one that ends a sequence.
    steps : int
        The most ids of a sequence, with its end.
    width : int, default 4
        The number of beginnings that are kept.
    length_penalty : float, default 0.6
        0 ranks by the log-probability, which favours short sequences; 1 about by its mean.
    logits : bool, optional
        Whether f returns logits. None: unless each row is >= 0 and its sum is 1, within 0.001.

    Returns
    -------
    list of Hypothesis
        At most `width`, the best first; where none has ended, those that were kept last.

    Raises
    ------
    TypeError, ValueError
        For ids that are not classes, counts < 1, a negative penalty, a width other than f.batch_size, and an f whose
        steps return another shape or a NaN.

    References
    ----------
    Y. Wu et al., "Google's Neural Machine Translation System", arXiv 1609.08144, 2016, equation 14.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.architectures.gpt(7, 10, units=8, heads=2, blocks=1, seed=0)
    >>> found = fnn.decode.beam(net.freeze(3, streaming=True), start=0, end=6, steps=10, width=3)
    >>> [len(found), found[0].score >= found[1].score]
    [3, True]
    """
    most, count = checks.integer("steps", steps), checks.integer("width", width)
    power = checks.real("length_penalty", length_penalty, 0)
    writer = _Writer(f, checks.integer("end", end, 0))
    if writer.count != count:
        raise ValueError(f"width: {count} beginnings need an f of batch_size {count}, got {writer.count}")
    ids, total = writer.starts(start), np.where(np.arange(count) == 0, 0.0, -np.inf)
    begun, ended = np.zeros((count, 0), np.int64), list[Hypothesis]()
    for t in range(most):
        followed = total[:, None] + _log_probabilities(writer.scores(ids), logits)
        ended += [
            Hypothesis(row, float(each), float(each) / _penalty(t + 1, power), True)
            for row, each in zip(begun, followed[:, end], strict=True)
            if each > -np.inf
        ]
        ended = sorted(ended, key=lambda each: -each.score)[:count]
        followed[:, end] = -np.inf
        order = _greatest(followed.ravel(), count)
        if not order.size:
            break
        kept = np.resize(order, count)
        total = np.where(np.arange(count) < len(order), followed.ravel()[kept], -np.inf)
        rows, ids = np.divmod(kept, followed.shape[1])
        begun = np.concatenate([begun[rows], ids[:, None]], axis=1)
        if len(ended) == count and total[0] / _penalty(most, power) <= ended[-1].score:
            break  # no longer sequence can be better
        if t < most - 1:
            f.select(rows)
    left = [
        Hypothesis(row, float(each), float(each) / _penalty(len(row), power), False)
        for row, each in zip(begun, total, strict=True)
        if each > -np.inf
    ]
    return ended or left


def _greatest(sums: np.ndarray, count: int) -> np.ndarray:
    """The places of the `count` greatest that are possible, in order."""
    places = np.argpartition(-sums, count - 1)[:count] if len(sums) > count else np.arange(len(sums))
    order = places[np.lexsort((places, -sums[places]))]
    return order[sums[order] > -np.inf]


def _penalty(length: int, power: float) -> float:
    return float(((5 + length) / 6) ** power)


def _log_probabilities(scores: np.ndarray, logits: bool | None) -> np.ndarray:
    """Of each row, as `draw` reads it, float64."""
    x: np.ndarray = scores.astype(np.float64)
    if logits is None:
        logits = not bool((x >= 0).all() and (abs(x.sum(axis=1) - 1) < 1e-3).all())
    with np.errstate(divide="ignore"):
        if not checks.flag("logits", logits):
            x = np.log(x)
        x -= x.max(axis=1, keepdims=True)
        x -= np.log(np.exp(x).sum(axis=1, keepdims=True))
    return x


class _Writer:
    """Steps of f, with their results checked. end: an id that must be a class."""

    def __init__(self, f: Steps, end: int | None) -> None:
        for name in ("batch_size", "step"):
            if not hasattr(f, name):
                raise TypeError(f"f: needs batch_size, step(ids) and select(rows); {type(f).__name__} has no {name}")
        self.f, self.count = f, int(f.batch_size)
        self.end = None if end is None else checks.integer("end", end, 0)
        shape = getattr(f, "output_shape", None)  # of a stream: checked before it moves
        if isinstance(shape, dict):
            raise TypeError(f"f: has the outputs {', '.join(shape)}; pass an object whose step returns one of them")
        if shape is not None:
            self._check_end(shape[-1])

    def _check_end(self, classes: int) -> None:
        if self.end is not None and self.end >= classes:
            raise ValueError(f"end: expected a class, an integer from 0 to {classes - 1}, got {self.end}")

    def starts(self, given: int | Sequence[int] | np.ndarray) -> np.ndarray:
        """The first ids, one for each sequence."""
        ids = np.asarray(given)
        if ids.dtype.kind not in "iu" or ids.shape not in ((), (self.count,)):
            raise TypeError(f"start: expected an id, or ({self.count},), integers, got {ids.shape} {ids.dtype}")
        return np.ascontiguousarray(np.broadcast_to(ids, (self.count,)), np.int64)

    def scores(self, ids: np.ndarray) -> np.ndarray:
        """What f returns for these ids."""
        found = np.asarray(self.f.step(np.ascontiguousarray(ids)))
        if found.ndim != 2 or len(found) != self.count or found.dtype.kind != "f":
            raise ValueError(f"f.step: expected floats ({self.count}, classes), got {found.dtype} {found.shape}")
        if not np.isfinite(found.max(axis=1)).all():
            raise ValueError("f.step: returned a NaN, an infinite logit, or a row without a possible class")
        self._check_end(found.shape[1])
        return found
