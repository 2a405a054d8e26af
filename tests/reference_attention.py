"""The float64 NumPy twins of the Ops of attention, as in reference.py. lengths: the steps of each row's sequence."""

import numpy as np
from numpy.typing import ArrayLike

from reference import Array, double, random_words
from reference_sequences import Lengths, State

#: The keys of a block, and the groups of 64 random words that a query has for one: see csrc/attention.h.
BLOCK, DRAWS = 96, 2


def _heads(
    q: Array, k: Array, heads: tuple[int, int], size: int, causal: bool, scale: float, mask: Array | None
) -> tuple[Array, Array]:
    """Of one sequence: the softmax (heads, queries, keys), and the logarithms of its sums; 0 for a blind query."""
    q, k = q.reshape(len(q), heads[0], size), k.reshape(len(k), heads[1], size).repeat(heads[0] // heads[1], axis=1)
    scores = scale * np.einsum("ihc,jhc->hij", q, k)
    seen = np.tri(len(q), len(k), len(k) - len(q) if causal else len(k), dtype=bool)
    if mask is not None:
        seen &= mask[: len(q), : len(k)] != 0
    blind = ~seen.any(axis=1)[:, None]
    most = np.where(blind, 0, np.where(seen, scores, -np.inf).max(axis=2, keepdims=True))
    share = np.where(seen, np.exp(np.where(seen, scores - most, 0)), 0)
    total = np.where(blind, 1, share.sum(axis=2, keepdims=True))
    return share / total, (most + np.log(total))[..., 0]


def kept(
    rows: int, heads: int, queries: int, keys: int, *, rate: float, random: tuple[int, int], step: int = 0
) -> Array:
    """What dropout multiplies the softmax by, (rows, heads, queries, keys)."""
    blocks = -(-keys // BLOCK)
    seed, stream = random
    words = random_words(rows * heads * queries * blocks * DRAWS * 64, seed, stream, step)
    words = words.reshape(rows, heads, queries, blocks, DRAWS * 64)[..., :BLOCK]
    words = words.reshape(rows, heads, queries, -1)[..., :keys]
    return np.where(words >= min(round(rate * 2**32), 2**32 - 1), 1 / (1 - rate), 0)


def _masks(mask: ArrayLike | None, rows: int) -> list[Array | None]:
    """That of each row (queries or 1, keys)."""
    return [None] * rows if mask is None else list(double(mask))


def Attention(
    q: ArrayLike,
    k: ArrayLike,
    v: ArrayLike,
    lengths: Lengths,
    memory_lengths: Lengths,
    mask: ArrayLike | None = None,
    *,
    heads: tuple[int, int],
    size: int,
    causal: bool = False,
    scale: float = 1.0,
    rate: float = 0.0,
    random: tuple[int, int] = (0, 0),
) -> tuple[Array, Array]:
    """y, and the logarithms of the sums (rows, heads, times). q, k, v (rows, times, heads * size)."""
    q, k, v = map(double, (q, k, v))
    y, norm = np.zeros_like(q), np.zeros((len(q), heads[0], q.shape[1]))
    factors = kept(len(q), heads[0], q.shape[1], k.shape[1], rate=rate, random=random)
    rows = zip(lengths, memory_lengths, _masks(mask, len(q)), strict=True)
    for row, (n, m, seen) in enumerate(rows):
        share, norm[row, :, :n] = _heads(q[row, :n], k[row, :m], heads, size, causal, scale, seen)
        values = v[row, :m].reshape(m, heads[1], size).repeat(heads[0] // heads[1], axis=1)
        y[row, :n] = np.einsum("hij,jhc->ihc", share * factors[row, :, :n, :m], values).reshape(n, -1)
    return y, norm


def AttentionGradient(
    q: ArrayLike,
    k: ArrayLike,
    v: ArrayLike,
    dy: ArrayLike,
    lengths: Lengths,
    memory_lengths: Lengths,
    mask: ArrayLike | None = None,
    *,
    heads: tuple[int, int],
    size: int,
    causal: bool = False,
    scale: float = 1.0,
    rate: float = 0.0,
    random: tuple[int, int] = (0, 0),
) -> State:
    """dq, dk, dv."""
    q, k, v, dy = map(double, (q, k, v, dy))
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    factors = kept(len(q), heads[0], q.shape[1], k.shape[1], rate=rate, random=random)
    each = heads[0] // heads[1]
    for row, (n, m, seen) in enumerate(zip(lengths, memory_lengths, _masks(mask, len(q)), strict=True)):
        share, _ = _heads(q[row, :n], k[row, :m], heads, size, causal, scale, seen)
        keys, values = (x[row, :m].reshape(m, heads[1], size).repeat(each, axis=1) for x in (k, v))
        queries, slopes = (x[row, :n].reshape(n, heads[0], size) for x in (q, dy))
        factor = factors[row, :, :n, :m]
        d = factor * np.einsum("ihc,jhc->hij", slopes, values)
        d = scale * share * (d - (share * d).sum(axis=2, keepdims=True))
        dq[row, :n] = np.einsum("hij,jhc->ihc", d, keys).reshape(n, -1)
        dk[row, :m] = np.einsum("hij,ihc->jhc", d, queries).reshape(m, heads[1], each, size).sum(axis=2).reshape(m, -1)
        dv[row, :m] = (
            np.einsum("hij,ihc->jhc", factor * share, slopes)
            .reshape(m, heads[1], each, size)
            .sum(axis=2)
            .reshape(m, -1)
        )
    return dq, dk, dv


def Rotary(x: ArrayLike, cosine: ArrayLike, sine: ArrayLike, *, back: bool = False) -> Array:
    """x (rows, times, heads, size); cosine and sine (times, size / 2)."""
    first, second = np.split(double(x), 2, axis=3)
    c, s = double(cosine)[:, None], double(sine)[:, None] * (-1 if back else 1)
    return np.concatenate([first * c - second * s, second * c + first * s], axis=3)


def AddPositions(x: ArrayLike, weight: ArrayLike) -> Array:
    """x (rows, times, columns)."""
    return double(x) + double(weight)


def AddPosition(x: ArrayLike, weight: ArrayLike, present: ArrayLike) -> Array:
    """x (rows, columns), present (rows, 1)."""
    return double(x) + double(weight)[np.asarray(present)[:, 0] - 1]


def PositionsGradient(dy: ArrayLike, lengths: Lengths) -> Array:
    """dy (rows, times, columns): only the steps within the lengths count."""
    dy = double(dy)
    real = np.arange(dy.shape[1]) < np.asarray(lengths)[:, None]
    return np.where(real[..., None], dy, 0).sum(axis=0)
