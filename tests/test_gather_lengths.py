"""Rows and labels of sequences of their own lengths, into a plan: what is read, and what is not."""

import numpy as np
import pytest

import reference
from check import assert_same_bits, empty, generator, run, tensor, written
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Gather, GatherLabels
from test_gather import attached, data, every_type


@every_type
def test_lengths(isa: str, dtype: str) -> None:
    """What comes after a row's length is neither read nor copied: zeros."""
    for rows, times, width in ((1, 1, 1), (5, 4, 3), (9, 3, 17), (4, 70, 2)):
        array, lengths = data(rows + 2, times * width, dtype), generator(rows).integers(1, times + 1, rows)
        order, ends = generator(times).permutation(rows + 2), tensor(lengths[:, None], rows + 1, "int32")
        there = np.arange(times * width) < lengths[:, None] * width
        for taken, first in ((None, 0), (None, 2), (order, 1)):
            index = np.arange(rows + 2) if taken is None else taken
            given = array.copy()
            if dtype.startswith("float"):
                given[index[first : first + rows]] = np.where(there, array[index[first : first + rows]], np.nan)
            y = empty(rows + 1, times * width)
            run(Gather(attached(given), y, ends, width=width), y, rows=rows, first=first, order=taken)
            expected = np.where(there, reference.Gather(array, rows, first, taken), 0)
            assert_same_bits(written(y, rows), expected.astype(np.float32))


@every_type
def test_label_lengths(isa: str, dtype: str) -> None:
    for rows, times in ((1, 1), (5, 4), (9, 17), (3, 70)):
        array = generator(rows).integers(0, 9, (rows, times)).astype(dtype)
        lengths = generator(times).integers(1, times + 1, rows)
        ends, y = tensor(lengths[:, None], rows + 1, "int32"), empty(rows + 1, times, dtype="int32")
        there = np.arange(times) < lengths[:, None]
        array[~there] = 100
        run(GatherLabels(attached(array), y, lengths=ends, classes=9), y, rows=rows)
        assert (written(y, rows) == np.where(there, array, 0)).all()


def test_bad_data_within_lengths() -> None:
    """They are named by their places in the user's array; the last one within the length is checked."""
    ends = tensor([[2], [3], [1], [3]], dtype="int32")
    for row, column in ((0, 3), (1, 0), (1, 5), (2, 1), (3, 4)):
        array = data(4, 6, "float32")
        array[row, column] = np.nan
        with pytest.raises(ValueError, match=rf"x\[{row}, {column}\] is nan as float32"):
            Gather(attached(array), Tensor((4, 6)), ends, width=2)()
        labels = np.zeros((4, 3), np.int64)
        labels[row, column // 2] = 7
        with pytest.raises(ValueError, match=rf"x\[{row}, {column // 2}\] is 7; expected an integer id"):
            GatherLabels(attached(labels), Tensor((4, 3), "int32"), lengths=ends, classes=7, what="id")()


def test_wrong_lengths_are_refused() -> None:
    for wrong in (Tensor((4, 1)), Tensor((3, 1), "int32"), Tensor((4, 2), "int32")):
        with pytest.raises(ValueError, match=r"Gather: expected int32 lengths \(4, 1\), got "):
            Gather(Port("x", 6), Tensor((4, 6)), wrong, width=2)
        with pytest.raises(ValueError, match=r"GatherLabels: expected int32 lengths \(4, 1\), got "):
            GatherLabels(Port("x", 6), Tensor((4, 6), "int32"), lengths=wrong, classes=3)
