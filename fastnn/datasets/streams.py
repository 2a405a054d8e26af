"""Long sequences, cut into batches that follow each other."""

from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays


def streams(sequence: Any, batch_size: int, steps: int) -> np.ndarray:
    """Samples (n, steps, ...) of a sequence (time, ...), for `fit` with stateful=True.

    The sequence is cut into batch_size streams of equal length, and these into pieces of so many steps: sample i of a
    batch goes on where sample i of the batch before ended. What is left over at the end is left out. A view or a copy.
    Raises ValueError for a sequence that is too short for one batch, batch_size or steps < 1, TypeError for no numbers.
    """
    array = arrays.numbers("sequence", sequence)
    batch_size = checks.integer("streams: batch_size", batch_size)
    steps = checks.integer("streams: steps", steps)
    pieces = len(array) // (batch_size * steps) if array.ndim else 0
    if not pieces:
        raise ValueError(
            f"streams: {batch_size} streams of {steps} steps need {batch_size * steps}, the sequence has {array.shape}"
        )
    parts = array[: pieces * batch_size * steps].reshape(batch_size, pieces, steps, *array.shape[1:])
    return np.swapaxes(parts, 0, 1).reshape(pieces * batch_size, steps, *array.shape[1:])
