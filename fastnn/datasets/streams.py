"""Long sequences, cut into consecutive batches."""

from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays


def streams(sequence: Any, batch_size: int, steps: int) -> np.ndarray:
    """Cut a long sequence into samples (n, steps, ...) for `fit` with stateful=True.

    The sequence is cut into batch_size streams of equal length, and these into pieces of `steps` steps: sample i of a
    batch continues sample i of the batch before. A remainder at the end is dropped.

    Parameters
    ----------
    sequence : array (time, ...)
    batch_size : int
        The number of streams.
    steps : int
        The number of steps of each sample.

    Returns
    -------
    array (n, steps, ...)
        A view or a copy.

    Raises
    ------
    TypeError
        Unless the sequence holds numbers.
    ValueError
        For a sequence too short for one batch, and batch_size or steps < 1.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.datasets.streams(np.arange(8), batch_size=2, steps=2).tolist()
    [[0, 1], [4, 5], [2, 3], [6, 7]]
    """
    array = arrays.numbers("sequence", sequence)
    batch_size = checks.integer("streams: batch_size", batch_size)
    steps = checks.integer("streams: steps", steps)
    pieces = len(array) // (batch_size * steps) if array.ndim else 0
    if not pieces:
        raise ValueError(
            f"streams: {batch_size} streams of {steps} steps need a sequence of {batch_size * steps} or more, "
            f"got shape {array.shape}"
        )
    parts = array[: pieces * batch_size * steps].reshape(batch_size, pieces, steps, *array.shape[1:])
    return np.swapaxes(parts, 0, 1).reshape(pieces * batch_size, steps, *array.shape[1:])
