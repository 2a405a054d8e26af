"""The float64 NumPy twins of the Ops of sequences, as in reference.py.

`lengths`: the steps of each row's sequence; where a twin takes or returns steps, they are in the order of steps.pyx.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference import FUNCTIONS, SLOPES, Array, double, sigmoid

Lengths = Sequence[int]
State = tuple[Array, ...]


def Steps(lengths: Lengths) -> NDArray[np.int64]:
    """The (row, time) of each step: time after time, the longest sequences first, equal ones as they come."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    steps = [(row, t) for t in range(max(lengths)) for row in order if lengths[row] > t]
    return np.array(steps, np.int64)


def ToSteps(x: ArrayLike, lengths: Lengths) -> NDArray:
    """x (rows, times, columns)."""
    row, time = Steps(lengths).T
    return np.asarray(x)[row, time]


def FromSteps(x: ArrayLike, lengths: Lengths, times: int) -> NDArray:
    """Whole sequences (rows, times, columns)."""
    x = np.asarray(x)
    y = np.zeros((len(lengths), times, *x.shape[1:]), x.dtype)
    row, time = Steps(lengths).T
    y[row, time] = x
    return y


def StepMultiply(x: ArrayLike, factors: ArrayLike, lengths: Lengths) -> Array:
    return double(x) * double(factors)[Steps(lengths)[:, 0]]


def sequences(x: ArrayLike, lengths: Lengths) -> list[Array]:
    """The steps of each row's sequence."""
    row = Steps(lengths)[:, 0]
    return np.split(double(x)[row.argsort(kind="stable")], np.cumsum(lengths)[:-1])


def StepMean(x: ArrayLike, lengths: Lengths) -> Array:
    return np.array([sequence.mean(axis=0) for sequence in sequences(x, lengths)])


def StepMeanGradient(dy: ArrayLike, lengths: Lengths) -> Array:
    row = Steps(lengths)[:, 0]
    return double(dy)[row] / np.asarray(lengths)[row, None]


def StepMaximum(x: ArrayLike, lengths: Lengths) -> tuple[Array, NDArray[np.int32]]:
    """y and time: the first NaN is the maximum."""
    parts = sequences(x, lengths)
    time = np.array([part.argmax(axis=0) for part in parts], np.int32)
    return np.array([part.max(axis=0) for part in parts]), time


def StepMaximumGradient(dy: ArrayLike, time: ArrayLike, lengths: Lengths) -> Array:
    row, t = Steps(lengths).T
    return np.where(np.asarray(time)[row] == t[:, None], double(dy)[row], 0)


def Embedding(ids: ArrayLike, table: ArrayLike, *, padding: int | None = None) -> Array:
    ids = np.ravel(ids)
    return np.where((ids == (-1 if padding is None else padding))[:, None], 0, double(table)[ids])


def EmbeddingGradient(ids: ArrayLike, dy: ArrayLike, vocabulary: int, *, padding: int | None = None) -> Array:
    dy, dtable = double(dy), np.zeros((vocabulary, np.shape(dy)[1]))
    np.add.at(dtable, np.ravel(ids), dy)
    if padding is not None:
        dtable[padding] = 0
    return dtable


def ways(lengths: Lengths, reverse: bool) -> list[list[int]]:
    """For each row the numbers of its steps, in the order in which a recurrence takes them."""
    row = Steps(lengths)[:, 0]
    found = [np.flatnonzero(row == i).tolist() for i in range(len(lengths))]
    return [way[::-1] for way in found] if reverse else found


def forward(
    cell: Callable[..., tuple[Array, State]],
    z: ArrayLike,
    weight: ArrayLike,
    lengths: Lengths,
    firsts: tuple[ArrayLike | None, ...],
    mask: ArrayLike | None,
    reverse: bool,
    bias: ArrayLike | None = None,
) -> dict[str, Array]:
    """cell(z, the product of the state and its bias, *states) gives the gates and the states after the step."""
    z, weight, bias = double(z), double(weight), double(0 if bias is None else bias)
    shape = len(lengths), len(weight)
    states = [np.zeros(shape) if first is None else double(first).copy() for first in firsts]
    mask = np.ones(shape) if mask is None else double(mask)
    y, before, *plain = (np.zeros((len(z), len(weight))) for _ in range(2 + len(states)))
    gates, sums = z.copy(), np.zeros_like(z)
    for row, way in enumerate(ways(lengths, reverse)):
        for at in way:
            for kept, state in zip(plain, states, strict=True):
                kept[at] = state[row]
            before[at] = mask[row] * states[0][row]
            sums[at] = before[at] @ weight + bias
            gates[at], after = cell(z[at], sums[at], *(state[row] for state in states))
            for state, new in zip(states, after, strict=True):
                state[row] = new
            y[at] = states[0][row]
    results = {"z": gates, "sums": sums, "y": y, "before": before, "plain": plain[0], "last_h": states[0]}
    return results if len(states) == 1 else results | {"cells": plain[1], "last_c": states[1]}


def backward(
    cell: Callable[..., tuple[Array, Array, State]],
    z: ArrayLike,
    weight: ArrayLike,
    lengths: Lengths,
    lasts: tuple[ArrayLike | None, ...],
    dy: ArrayLike | None,
    mask: ArrayLike | None,
    reverse: bool,
) -> dict[str, Array]:
    """cell(step, *gradients of the states after it) gives dz, that of the sums, and what else goes to the states."""
    weight = double(weight)
    shape = len(lengths), len(weight)
    states = [np.zeros(shape) if last is None else double(last).copy() for last in lasts]
    mask = np.ones(shape) if mask is None else double(mask)
    dz, sums = np.zeros(np.shape(z)), np.zeros(np.shape(z))
    for row, way in enumerate(ways(lengths, not reverse)):
        for at in way:
            if dy is not None:
                states[0][row] += double(dy)[at]
            dz[at], sums[at], earlier = cell(at, *(state[row] for state in states))
            for state, new in zip(states, earlier, strict=True):
                state[row] = new
            states[0][row] += mask[row] * (weight @ sums[at])
    results = {"z": dz, "sums": sums, "dh0": states[0]}
    return results if len(states) == 1 else results | {"dc0": states[1]}


def LSTM(
    z: ArrayLike,
    weight: ArrayLike,
    lengths: Lengths,
    *,
    h0: ArrayLike | None = None,
    c0: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reverse: bool = False,
) -> dict[str, Array]:
    """z (the gates), y, before, cells, last_h, last_c."""

    def cell(z: Array, s: Array, h: Array, c: Array) -> tuple[Array, State]:
        i, f, g, o = np.split(z + s, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        return np.concatenate([i, f, g, o]), (o * np.tanh(c), c)

    return forward(cell, z, weight, lengths, (h0, c0), mask, reverse)


def LSTMGradient(
    z: ArrayLike,
    weight: ArrayLike,
    lengths: Lengths,
    cells: ArrayLike,
    *,
    dy: ArrayLike | None = None,
    dlast_h: ArrayLike | None = None,
    dlast_c: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reverse: bool = False,
) -> dict[str, Array]:
    """z (its gradient), dh0, dc0. z: the gates."""
    gates, cells = double(z), double(cells)

    def cell(at: int, dh: Array, dc: Array) -> tuple[Array, Array, State]:
        i, f, g, o = np.split(gates[at], 4)
        t = np.tanh(f * cells[at] + i * g)
        dc = dc + dh * o * (1 - t * t)
        dz = dc * g * i * (1 - i), dc * cells[at] * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)
        return np.concatenate(dz), np.concatenate(dz), (np.zeros_like(dh), dc * f)

    return backward(cell, z, weight, lengths, (dlast_h, dlast_c), dy, mask, reverse)


def GRU(
    z: ArrayLike,
    weight: ArrayLike,
    lengths: Lengths,
    *,
    h0: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    reverse: bool = False,
) -> dict[str, Array]:
    """z (the gates), sums, y, before, plain, last_h."""

    def cell(z: Array, s: Array, h: Array) -> tuple[Array, State]:
        (zr, zu, zn), (sr, su, sn) = np.split(z, 3), np.split(s, 3)
        r, u = sigmoid(zr + sr), sigmoid(zu + su)
        n = np.tanh(zn + r * sn)
        return np.concatenate([r, u, n]), ((1 - u) * n + u * h,)

    return forward(cell, z, weight, lengths, (h0,), mask, reverse, bias)


def GRUGradient(
    z: ArrayLike,
    weight: ArrayLike,
    lengths: Lengths,
    sums: ArrayLike,
    before: ArrayLike,
    *,
    dy: ArrayLike | None = None,
    dlast_h: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reverse: bool = False,
) -> dict[str, Array]:
    """z and sums (their gradients), dh0. z: the gates; before: without the mask."""
    gates, sums, before = double(z), double(sums), double(before)

    def cell(at: int, dh: Array) -> tuple[Array, Array, State]:
        (r, u, n), sn = np.split(gates[at], 3), np.split(sums[at], 3)[2]
        dn = dh * (1 - u) * (1 - n * n)
        dr, du = dn * sn * r * (1 - r), dh * (before[at] - n) * u * (1 - u)
        return np.concatenate([dr, du, dn]), np.concatenate([dr, du, dn * r]), (dh * u,)

    return backward(cell, z, weight, lengths, (dlast_h,), dy, mask, reverse)


def RNN(
    z: ArrayLike,
    weight: ArrayLike,
    lengths: Lengths,
    *,
    h0: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reverse: bool = False,
    activation: str = "tanh",
) -> dict[str, Array]:
    """z (which is y), y, before, last_h."""

    def cell(z: Array, s: Array, h: Array) -> tuple[Array, State]:
        y = FUNCTIONS[activation](z + s)
        return y, (y,)

    return forward(cell, z, weight, lengths, (h0,), mask, reverse)


def RNNGradient(
    z: ArrayLike,
    weight: ArrayLike,
    lengths: Lengths,
    *,
    dy: ArrayLike | None = None,
    dlast_h: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reverse: bool = False,
    activation: str = "tanh",
) -> dict[str, Array]:
    """z (its gradient), dh0. z: y."""
    y = double(z)

    def cell(at: int, dh: Array) -> tuple[Array, Array, State]:
        dz = dh * SLOPES[activation](y[at])
        return dz, dz, (np.zeros_like(dh),)

    return backward(cell, z, weight, lengths, (dlast_h,), dy, mask, reverse)


def ScaledSteps(lengths: Lengths, scale: tuple[int, int, int]) -> list[int]:
    """The lengths n that a layer makes of others: (n multiply + add) // divide."""
    multiply, add, divide = scale
    return [(n * multiply + add) // divide for n in lengths]
