"""Sequences of different lengths: as one array with zeros after their ends, and in batches of like lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.data import arrays


def padded(sequences: Sequence[Any], value: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make one array of sequences of different lengths, each followed by `value`.

    Parameters
    ----------
    sequences : list of array (time, ...)
        Each with a number of steps of its own, all with the same features.
    value : float, default 0
        What stands after the end of each.

    Returns
    -------
    array (batch, longest, ...)
        Of the first sequence's dtype, or a wider one that all fit into.
    array, int64 (batch,)
        The lengths.

    Raises
    ------
    TypeError, ValueError
        For sequences that are not arrays of numbers, are empty, or differ in their features.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x, lengths = fnn.data.padded([[1, 2, 3], [4]])
    >>> x.tolist(), lengths.tolist()
    ([[1, 2, 3], [4, 0, 0]], [3, 1])
    """
    found = [arrays.numbers(f"sequences[{i}]", each) for i, each in enumerate(sequences)]
    if not found:
        raise ValueError("padded: expected one or more sequences, got none")
    for i, each in enumerate(found):
        if each.ndim == 0 or not len(each):
            raise ValueError(f"padded: sequences[{i}] has no steps, its shape is {each.shape}")
        if each.shape[1:] != found[0].shape[1:]:
            raise ValueError(f"padded: sequences[{i}] has steps {each.shape[1:]}, and the first {found[0].shape[1:]}")
    lengths = np.array([len(each) for each in found])
    whole = np.full((len(found), lengths.max(), *found[0].shape[1:]), value, np.result_type(*found))
    for row, each in zip(whole, found, strict=True):
        row[: len(each)] = each
    return whole, lengths


def ragged(given: Any) -> bool:
    """Whether these are sequences of different lengths, in a list or tuple."""
    if not isinstance(given, (list, tuple)) or len(given) < 2:
        return False
    if not all(isinstance(each, (np.ndarray, list, tuple)) and np.ndim(each) for each in given):
        return False
    return len({len(each) for each in given}) > 1


def buckets(lengths: Any, batch_size: int = 32, seed: int = 0, epoch: int = 0, spread: int = 50) -> list[np.ndarray]:
    """Divide sequences into batches of like lengths, so that little of a batch is padding, in random order.

    Of `spread` batches at a time, drawn at random, the sequences are sorted by length; then all batches are shuffled.

    Parameters
    ----------
    lengths : array of int (n,)
        The number of steps of each sequence.
    batch_size : int, default 32
        Sequences of a batch; one batch may be shorter.
    seed, epoch : int, default 0
        The order follows from them.
    spread : int, default 50
        Batches over which sequences are sorted: fewer are more random, more leave less padding.

    Returns
    -------
    list of array, int64
        The numbers of the sequences of each batch.

    Raises
    ------
    TypeError, ValueError
        For lengths that are not numbers (n,), and settings below 1.

    References
    ----------
    V. Doetsch, P. Golik and H. Ney, "A Comprehensive Study of Batch Construction Strategies for Recurrent Neural
    Networks in MXNet", 2017, section 2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> [sorted(batch.tolist()) for batch in fnn.data.buckets([9, 2, 8, 1], 2, seed=1)]
    [[0, 2], [1, 3]]
    """
    array = arrays.numbers("lengths", lengths)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"buckets: expected lengths (n,), got shape {array.shape}")
    size = checks.integer("buckets: batch_size", batch_size)
    pool = size * checks.integer("buckets: spread", spread)
    random = generator(seed, Purpose.SHUFFLE, epoch)
    order = random.permutation(len(array))
    found: list[np.ndarray] = []
    for start in range(0, len(order), pool):
        drawn = order[start : start + pool]
        drawn = drawn[np.argsort(array[drawn], kind="stable")]
        found += [drawn[i : i + size] for i in range(0, len(drawn), size)]
    return [found[i] for i in random.permutation(len(found))]
