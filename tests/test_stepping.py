"""Ops of one step of sequences, against their twins."""

import numpy as np
import pytest

import reference_stepping as twins
from check import assert_close, assert_same_bits, empty, generator, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Advance, Append, Filter, Position, StepConvolution
from fastnn.kernels.axis import Axis
from fastnn.kernels.stepping import window

ROWS = 5


def counts(*values: int) -> Tensor:
    return tensor(np.array(values)[:, None], dtype="int32")


def test_position_and_advance() -> None:
    count, present = counts(0, 3, 7), empty(3, 1, dtype="int32")
    run(Position(count, present, most=8), present)
    assert_same_bits(present.array, twins.Position(count.array))
    advanced = twins.Advance(count.array, 8)
    run(Advance(count, size=8), count)
    assert_same_bits(count.array, advanced)
    assert count.array[2] == 0


def test_a_count_that_is_full() -> None:
    count, present = counts(0, 8, 9), empty(3, 1, dtype="int32")
    op = Position(count, present, most=8)
    op.layer = "attention"
    with pytest.raises(RuntimeError, match="stream 1 has had 8 steps, the most that attention has room for; reset"):
        op()
    run(op, present, rows=1)
    assert_same_bits(written(present, 1), np.ones((1, 1), np.int32))


@pytest.mark.parametrize("columns", [1, 3, 16, 33])
def test_append(num_threads: int, columns: int) -> None:
    rows, times, start = ROWS if num_threads == 1 else 50_000 // columns, 4, 2
    present = generator(columns).integers(1, times + 1, (rows, 1))
    x, before = normal(rows, columns + start), normal(rows, times * columns, start=1)
    cache = tensor(before, rows + 2)
    run(Append(tensor(x, rows + 2), tensor(present, rows + 2, "int32"), cache, start=start), cache, rows=rows)
    wanted = twins.Append(x, present[:, 0], before.reshape(rows, times, columns), start)
    assert_same_bits(written(cache, rows), wanted.reshape(rows, -1))


@pytest.mark.parametrize("activation", ["identity", "tanh"])
@pytest.mark.parametrize(("filters", "groups"), [(1, 1), (5, 1), (16, 1), (33, 1), (64, 1), (6, 2)])
def test_convolution(isa: str, num_threads: int, filters: int, groups: int, activation: str) -> None:
    """Step by step the sums over whole sequences, from any place of the ring; a packed weight changes nothing."""
    rows, times = (3, 9) if num_threads == 1 else (3000, 3)
    for kernel, dilation, inputs in ((1, 1, 2), (2, 1, 7), (2, 4, 16), (3, 2, 4), (5, 1, 1)):
        columns = Axis(times, kernel, 1, dilation, (kernel - 1) * dilation)
        reach, width = columns.reach, inputs * groups
        x, weight, bias = normal(rows, times, width), normal(kernel, inputs, filters), normal(filters)
        wanted = twins.StepConvolution(x, weight, bias, columns, groups, activation)
        matrix = tensor(weight)
        for given in (matrix, Filter(matrix, *window(columns), groups)):
            ring, step, y = tensor(np.zeros((rows, 2 * reach * width))), empty(rows, width), empty(rows, filters)
            place = tensor(generator(reach).integers(0, reach, (rows, 1)), dtype="int32")
            op = StepConvolution(step, ring, place, given, tensor(bias), y, columns, groups, activation)
            for t in range(times):
                step.array[...] = x[:, t]
                run(op, y, ring)
                run(Advance(place, size=reach), place)
                assert_close(y.array, wanted[:, t], tolerance=1e-5)


def test_arguments_are_checked() -> None:
    x, y, weight, columns = Tensor((4, 3)), Tensor((4, 5)), Tensor((2, 3, 5)), Axis(9, 2, dilation=3)
    ring, place = Tensor((4, 8 * 3)), Tensor((4, 1), "int32")
    StepConvolution(x, ring, place, weight, None, y, columns)
    wrong: list[tuple[type[Op], tuple[object, ...], dict[str, int], str]] = [
        (StepConvolution, (x, y, place, weight, None, y, columns), {}, r"4 steps \(4, 3\), twice, are not a ring"),
        (StepConvolution, (x, ring, x, weight, None, y, columns), {}, r"StepConvolution: expected int32 \(4, 1\)"),
        (StepConvolution, (x, ring, place, weight, None, x, columns), {}, "do not fit"),
        (Append, (x, place, Tensor((4, 8))), {}, r"Append: elements from 0 of x \(4, 3\) are not steps of \(4, 8\)"),
        (Append, (x, place, Tensor((4, 9))), {"start": 3}, "Append: elements from 3"),
        (Append, (x, Tensor((3, 1), "int32"), Tensor((4, 9))), {}, r"Append: expected int32 \(4, 1\), got"),
        (Position, (place, x), {"most": 3}, r"Position: expected int32 \(4, 1\), got"),
        (Advance, (place,), {"size": 0}, "Advance: the size must be an integer from 1"),
        (Advance, (x,), {"size": 2}, r"Advance: expected int32 \(4, 1\), got"),
    ]
    for op, arguments, options, message in wrong:
        with pytest.raises(ValueError, match=message):
            op(*arguments, **options)
