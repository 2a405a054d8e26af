"""The float64 NumPy twins of the Ops of attention, as in reference.py. lengths: the steps of each row's sequence."""

import numpy as np
from numpy.typing import ArrayLike

from reference import Array, double
from reference_sequences import Lengths, State


def _heads(q: Array, k: Array, heads: tuple[int, int], size: int, causal: bool, scale: float) -> tuple[Array, Array]:
    """Of one sequence: the softmax (heads, queries, keys), and the logarithms of its sums."""
    q, k = q.reshape(len(q), heads[0], size), k.reshape(len(k), heads[1], size).repeat(heads[0] // heads[1], axis=1)
    scores = scale * np.einsum("ihc,jhc->hij", q, k)
    if causal:
        scores[:, ~np.tri(len(q), len(k), len(k) - len(q), dtype=bool)] = -np.inf
    most = scores.max(axis=2, keepdims=True)
    share = np.exp(scores - most)
    total = share.sum(axis=2, keepdims=True)
    return share / total, (most + np.log(total))[..., 0]


def Attention(
    q: ArrayLike,
    k: ArrayLike,
    v: ArrayLike,
    lengths: Lengths,
    memory_lengths: Lengths,
    *,
    heads: tuple[int, int],
    size: int,
    causal: bool = False,
    scale: float = 1.0,
) -> tuple[Array, Array]:
    """y, and the logarithms of the sums (rows, heads, times). q, k, v (rows, times, heads * size)."""
    q, k, v = map(double, (q, k, v))
    y, norm = np.zeros_like(q), np.zeros((len(q), heads[0], q.shape[1]))
    for row, (n, m) in enumerate(zip(lengths, memory_lengths, strict=True)):
        share, norm[row, :, :n] = _heads(q[row, :n], k[row, :m], heads, size, causal, scale)
        values = v[row, :m].reshape(m, heads[1], size).repeat(heads[0] // heads[1], axis=1)
        y[row, :n] = np.einsum("hij,jhc->ihc", share, values).reshape(n, -1)
    return y, norm


def AttentionGradient(
    q: ArrayLike,
    k: ArrayLike,
    v: ArrayLike,
    dy: ArrayLike,
    lengths: Lengths,
    memory_lengths: Lengths,
    *,
    heads: tuple[int, int],
    size: int,
    causal: bool = False,
    scale: float = 1.0,
) -> State:
    """dq, dk, dv."""
    q, k, v, dy = map(double, (q, k, v, dy))
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    each = heads[0] // heads[1]
    for row, (n, m) in enumerate(zip(lengths, memory_lengths, strict=True)):
        share, _ = _heads(q[row, :n], k[row, :m], heads, size, causal, scale)
        keys, values = (x[row, :m].reshape(m, heads[1], size).repeat(each, axis=1) for x in (k, v))
        queries, slopes = (x[row, :n].reshape(n, heads[0], size) for x in (q, dy))
        d = np.einsum("ihc,jhc->hij", slopes, values)
        d = scale * share * (d - (share * d).sum(axis=2, keepdims=True))
        dq[row, :n] = np.einsum("hij,jhc->ihc", d, keys).reshape(n, -1)
        dk[row, :m] = np.einsum("hij,ihc->jhc", d, queries).reshape(m, heads[1], each, size).sum(axis=2).reshape(m, -1)
        dv[row, :m] = (
            np.einsum("hij,ihc->jhc", share, slopes).reshape(m, heads[1], each, size).sum(axis=2).reshape(m, -1)
        )
    return dq, dk, dv


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
