"""The twins of connectionist temporal classification, as in `reference`."""

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference import Array, double
from reference_losses import weighted


def GatherLabelRows(
    y: NDArray, times: int, lengths: NDArray | None = None, *, blank: int = 0, ignore_impossible: bool = False
) -> tuple[NDArray, NDArray]:
    """Rows of labels as they are where there are any, and how many there are; of valid labels."""
    count = (y >= 0).sum(axis=1)
    needed = count + ((y[:, 1:] == y[:, :-1]) & (y[:, 1:] >= 0)).sum(axis=1)
    wide = np.full((len(y), times), -1)
    wide[:, : y.shape[1]] = y
    impossible = needed > (times if lengths is None else lengths)
    assert ignore_impossible or not impossible.any()
    return wide, np.where(impossible, -1, count)


def log_softmax(x: Array) -> Array:
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _of_sequence(x: Array, labels: NDArray, blank: int) -> tuple[float, Array]:
    """The loss of logits (times, classes) and its gradient, by the recursion in logarithms."""
    log_p, states = log_softmax(x), np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    n, times, emitted = len(states), len(x), log_p[:, states]
    skips = np.zeros(n, bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    begun, ended = np.full((times, n), -np.inf), np.full((times, n), -np.inf)
    begun[0, :2], ended[-1, -2:] = emitted[0, :2], 0
    for t in range(1, times):
        found = begun[t - 1].copy()
        found[1:] = np.logaddexp(found[1:], begun[t - 1, :-1])
        found[2:] = np.logaddexp(found[2:], np.where(skips[2:], begun[t - 1, :-2], -np.inf))
        begun[t] = found + emitted[t]
    for t in range(times - 2, -1, -1):
        later = ended[t + 1] + emitted[t + 1]
        found = later.copy()
        found[:-1] = np.logaddexp(found[:-1], later[1:])
        found[:-2] = np.logaddexp(found[:-2], np.where(skips[2:], later[2:], -np.inf))
        ended[t] = found
    total = np.logaddexp.reduce(begun[-1, -2:])
    dx, shares = np.exp(log_p), np.exp(begun + ended - total)
    for s, label in enumerate(states):
        dx[:, label] -= shares[:, s]
    return -float(total), dx


def CTC(
    x: ArrayLike,
    labels: NDArray,
    count: NDArray,
    weight: ArrayLike | None = None,
    lengths: NDArray | None = None,
    *,
    classes: int,
    blank: int = 0,
) -> tuple[float, Array]:
    frames = double(x).reshape(len(labels), -1, classes)
    losses, dx = np.zeros((len(frames), 1)), np.zeros_like(frames)
    for i, n in enumerate(count):
        if n >= 0:
            end = frames.shape[1] if lengths is None else int(lengths[i])
            losses[i, 0], dx[i, :end] = _of_sequence(frames[i, :end], labels[i, :n], blank)
    return weighted(losses, dx.reshape(len(frames), -1), weight)


def collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """The labels that an alignment stands for."""
    return tuple(c for c, before in zip(path, (None, *path), strict=False) if c not in (before, blank))


def labelings(p: Array, blank: int) -> dict[tuple[int, ...], float]:
    """The probability of each labeling, by all alignments of probabilities (times, classes)."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        key = collapsed(path, blank)
        found[key] = found.get(key, 0.0) + float(np.prod(p[np.arange(len(p)), path]))
    return {key: value for key, value in found.items() if value > 0}
