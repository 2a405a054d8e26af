"""The distance of sequences: how many items must be changed to make one of the other."""

from typing import Any

from libc.stdlib cimport free, malloc

import numpy as np


cdef Py_ssize_t levenshtein(
    const Py_ssize_t *a, Py_ssize_t m, const Py_ssize_t *b, Py_ssize_t n, Py_ssize_t *row
) noexcept nogil:
    """The distance of a (m) and b (n); row: memory for n + 1 numbers."""
    cdef Py_ssize_t i, j, diagonal, above
    for j in range(n + 1):
        row[j] = j
    for i in range(m):
        diagonal, row[0] = i, i + 1
        for j in range(n):
            above = row[j + 1]
            row[j + 1] = min(min(above, row[j]) + 1, diagonal + (a[i] != b[j]))
            diagonal = above
    return row[n]


def edit_distance(a: Any, b: Any) -> int:
    """Count the fewest insertions, deletions and substitutions of an item that make b of a: the Levenshtein distance.

    Parameters
    ----------
    a, b : str, list or array (n,)
        Sequences of items that can be compared: characters, words, labels.

    Returns
    -------
    int
        From 0 to the length of the longer sequence.

    Raises
    ------
    TypeError
        For anything but sequences, and items that cannot be compared.

    References
    ----------
    R. A. Wagner and M. J. Fischer, "The String-to-String Correction Problem", Journal of the ACM 21(1), 1974.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.metrics.edit_distance("kitten", "sitting"), fnn.metrics.edit_distance([1, 2, 3], [1, 3])
    (3, 1)
    """
    cdef Py_ssize_t i, item, count
    cdef Py_ssize_t *memory
    numbers: dict[Any, int] = {}
    sequences = items("a", a), items("b", b)
    count = len(sequences[0])
    memory = <Py_ssize_t *> malloc((count + 2 * len(sequences[1]) + 1) * sizeof(Py_ssize_t))
    if memory == NULL:
        raise MemoryError
    try:
        i = 0
        for sequence in sequences:
            for each in sequence:
                item = numbers.setdefault(each, len(numbers))
                memory[i] = item
                i += 1
        return levenshtein(memory, count, memory + count, i - count, memory + i)
    except TypeError as error:
        raise TypeError(f"edit_distance: items must be numbers, strings or tuples: {error}") from None
    finally:
        free(memory)


cdef object items(str name, object given):
    """The items of a sequence, in a form that is fast to read. name: for errors."""
    if isinstance(given, np.ndarray) and given.ndim == 1:
        return given.tolist()
    if not isinstance(given, (str, list, tuple)):
        kind = type(given).__name__ + (f" of shape {given.shape}" if isinstance(given, np.ndarray) else "")
        raise TypeError(f"edit_distance: {name} must be a string, a list or an array (n,), got {kind}")
    return given


def error_rate(predicted: Any, true: Any) -> float:
    """Sum of edit distances / sum of the lengths of the true sequences: the word, character or phoneme error rate.

    Parameters
    ----------
    predicted, true : list of str, list or array (n,)
        As many predicted as true sequences, each as in `edit_distance`. Padded rows of labels are
        `[row[row >= 0] for row in y]`.

    Returns
    -------
    float
        0 where all are equal; more than 1 is possible.

    Raises
    ------
    TypeError
        For anything but lists of sequences.
    ValueError
        For lists of different lengths, padded rows, and where all true sequences are empty.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.metrics.error_rate(["hell", "word"], ["hello", "world"])
    0.2
    """
    for name, given in (("predicted", predicted), ("true", true)):
        if isinstance(given, str) or not hasattr(given, "__len__"):
            raise TypeError(f"error_rate: {name} must be a list of sequences, got {type(given).__name__}")
        if isinstance(given, np.ndarray) and given.dtype.kind == "i" and (given < 0).any():
            raise ValueError(f"error_rate: {name} has padded rows; pass [row[row >= 0] for row in {name}]")
    if len(predicted) != len(true):
        counts = f"{len(predicted)} and {len(true)}"
        raise ValueError(f"error_rate: expected as many predicted as true sequences, got {counts}")
    total = sum(len(each) for each in true)
    if not total:
        raise ValueError("error_rate: all true sequences are empty, so there is no rate")
    return sum(edit_distance(a, b) for a, b in zip(predicted, true)) / total
