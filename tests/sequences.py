"""What the tests of the Ops of sequences share: lengths, and a Steps that has read them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import reference_sequences as twins
from check import empty, generator
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Steps


def ragged(rows: int, times: int) -> list[int]:
    """Lengths from 1 to times, both of which are there where the rows are enough."""
    lengths = generator(rows, times).integers(1, times + 1, rows)
    lengths[:2] = [times, 1][:rows]
    return generator(rows).permuted(lengths).tolist()


def laid(lengths: Sequence[int], times: int) -> Steps:
    """Steps of these lengths; where all are full, without a port."""
    ends = empty(len(lengths), 1, dtype="int32")
    if set(lengths) == {times}:
        return Steps(None, ends, times=times)
    port = Port("lengths", 1)
    port.attach(np.array(lengths, np.int64))
    steps = Steps(port, ends, times=times)
    steps()
    return steps


def stepped(steps: NDArray, rows: int, times: int, dtype: str = "float32") -> Tensor:
    """A tensor of rows * times steps, of which these are there; the others hold canaries."""
    tensor = empty(rows * times, *steps.shape[1:], dtype=dtype)
    tensor.array[: len(steps)] = steps
    return tensor


def some(*shape: int, start: int = 0) -> NDArray[np.float32]:
    """Standard normal numbers, the same for the same arguments."""
    return generator(*shape, start).standard_normal(shape, np.float32)


def rows_of(steps: NDArray, lengths: Sequence[int]) -> list[NDArray]:
    """The steps of each row's sequence, as they are."""
    row = twins.Steps(lengths)[:, 0]
    return [steps[row == i] for i in range(len(lengths))]
