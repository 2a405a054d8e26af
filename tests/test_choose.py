"""One element of each row by number, and its gradient, against their twins."""

import numpy as np
import pytest

import reference_losses as twins
from check import TAILS, assert_same_bits, empty, generator, normal, run, tensor, written
from fastnn.kernels import Choose, ChooseGradient


def test_ops(isa: str) -> None:
    for columns in TAILS:
        rows = 5 + columns % 3
        x, dy, index = normal(rows, columns), normal(rows, 1, start=1), generator(columns).integers(0, columns, rows)
        y, dx = empty(rows + 2, 1), empty(rows + 2, columns)
        given = tensor(index[:, None], y.rows, "int32")
        run(Choose(tensor(x, y.rows), given, y), y, rows=rows)
        assert_same_bits(written(y, rows), twins.Choose(x, index).astype(np.float32))
        run(ChooseGradient(tensor(dy, y.rows), given, dx), dx, rows=rows)
        assert_same_bits(written(dx, rows), twins.ChooseGradient(dy, index, columns).astype(np.float32))


@pytest.mark.parametrize("wrong", [-1, 4])
def test_an_index_outside_the_row(wrong: int) -> None:
    op = Choose(tensor(normal(2, 4)), tensor([[0], [wrong]], dtype="int32"), empty(2, 1))
    with pytest.raises(ValueError, match=f"index {wrong} is not from 0 to 3"):
        op()


def test_shapes_that_do_not_fit() -> None:
    index = tensor([[0], [1]], dtype="int32")
    with pytest.raises(ValueError, match="Choose: rows"):
        Choose(tensor(normal(3, 4)), index, empty(3, 1))
    with pytest.raises(ValueError, match="ChooseGradient: rows"):
        ChooseGradient(empty(2, 2), index, empty(2, 4))
