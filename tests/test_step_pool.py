"""Pooling over time: every width, equal and ragged lengths, NaN, ties, and the gradients."""

import numpy as np
import pytest

import reference_sequences as twins
from check import TAILS, assert_close, assert_same_bits, assert_same_on_threads, empty, generator, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import StepMaximum, StepMaximumGradient, StepMean, StepMeanGradient, StepMultiply
from sequences import laid, ragged, some, stepped

CASES = [(1, 1), (1, 5), (3, 4), (5, 7)]


def test_ops(isa: str, num_threads: int) -> None:
    for columns in TAILS if num_threads == 1 else (1, 33):
        rows, times = CASES[columns % 4] if num_threads == 1 else (60 + 12_000 // columns, 20)
        for lengths in ([times] * rows, ragged(rows, times)):
            steps, total = laid(lengths, times), sum(lengths)
            x, dy = some(total, columns), some(rows, columns, start=1)
            given, back = stepped(x, rows, times), tensor(dy)

            y = empty(rows, columns)
            run(StepMean(given, y, steps), y)
            assert_close(y.array, twins.StepMean(x, lengths), twins.StepMean(np.abs(x), lengths))
            dx = empty(rows * times, columns)
            run(StepMeanGradient(back, dx, steps), dx)
            expected = twins.StepMeanGradient(dy, lengths)
            assert_close(written(dx, total), expected, np.abs(expected))

            y, time = empty(rows, columns), empty(rows, columns, dtype="int32")
            run(StepMaximum(given, y, steps, time), y, time)
            expected, place = twins.StepMaximum(x, lengths)
            assert_same_bits(y.array, expected.astype(np.float32))
            assert (time.array == place).all()
            dx = empty(rows * times, columns)
            run(StepMaximumGradient(back, dx, steps, time), dx)
            assert_same_bits(written(dx, total), twins.StepMaximumGradient(dy, place, lengths).astype(np.float32))

            y = empty(rows * times, columns)
            run(StepMultiply(given, back, y, steps), y)
            assert_same_bits(written(y, total), x * dy[twins.Steps(lengths)[:, 0]])


def test_multiply_in_place(isa: str) -> None:
    lengths, factors = ragged(5, 4), some(5, 19)
    x = some(sum(lengths), 19)
    steps = stepped(x, 5, 4)
    run(StepMultiply(steps, tensor(factors), steps, laid(lengths, 4)), steps)
    assert_same_bits(written(steps, len(x)), x * factors[twins.Steps(lengths)[:, 0]])


def test_of_equal_ones_the_first(isa: str) -> None:
    lengths = [3, 5]
    x = np.ones((8, 21), np.float32)
    y, time = empty(2, 21), empty(2, 21, dtype="int32")
    run(StepMaximum(stepped(x, 2, 5), y, laid(lengths, 5), time), y, time)
    assert (y.array == 1).all() and not time.array.any()


def test_special_values(isa: str) -> None:
    """The first NaN is the maximum; infinities are numbers; a single value is the maximum."""
    for columns in (1, 17, 40):
        lengths = [6, 1, 4]
        whole = some(3, 6, columns).copy()
        whole[0, 2, 0] = whole[0, 4, 0] = whole[2, 0, columns - 1] = np.nan
        whole[1] = whole[2, 1, columns // 2] = -np.inf
        whole[0, 5, columns // 2] = np.inf
        x = twins.ToSteps(whole, lengths)
        y, time = empty(3, columns), empty(3, columns, dtype="int32")
        run(StepMaximum(stepped(x, 3, 6), y, laid(lengths, 6), time), y, time)
        expected, place = twins.StepMaximum(x, lengths)
        np.testing.assert_array_equal(y.array, expected)
        np.testing.assert_array_equal(time.array, place)
        assert time.array[0, 0] == 2 and time.array[2, columns - 1] == 0


def test_a_row_has_the_same_bits_in_any_batch_and_padding(isa: str) -> None:
    lengths, columns = [4, 2, 6, 1], 23
    whole = some(4, 6, columns)

    def pools(rows: list[int], times: int) -> list[np.ndarray]:
        chosen = [lengths[row] for row in rows]
        padded = np.pad(whole, ((0, 0), (0, 10), (0, 0)))[rows, :times]
        steps, x = laid(chosen, times), stepped(twins.ToSteps(padded, chosen), len(rows), times)
        mean, most, time = (empty(len(rows), columns, dtype=dtype) for dtype in ("float32", "float32", "int32"))
        run(StepMean(x, mean, steps), mean)
        run(StepMaximum(x, most, steps, time), most, time)
        return [mean.array, most.array, time.array]

    together = pools([0, 1, 2, 3], 6)
    for rows, times in (([0], 4), ([1], 2), ([3, 2], 9), ([2, 2, 0, 1], 6), ([1, 3], 16)):
        for part, whole_batch in zip(pools(rows, times), together, strict=True):
            assert_same_bits(part, whole_batch[rows])


def test_same_bits_on_threads(isa: str) -> None:
    rows, times, columns = 400, 50, 40
    lengths, dy = ragged(rows, times), some(rows, columns)
    x = some(sum(lengths), columns)
    places = generator(1).integers(0, lengths, (columns, rows)).T

    def given() -> Tensor:
        return stepped(x, rows, times)

    def mean() -> tuple[Op, ...]:
        y = empty(rows, columns)
        return StepMean(given(), y, laid(lengths, times)), y

    def mean_gradient() -> tuple[Op, ...]:
        dx = empty(rows * times, columns)
        return StepMeanGradient(tensor(dy), dx, laid(lengths, times)), dx

    def maximum() -> tuple[Op, ...]:
        y, time = empty(rows, columns), empty(rows, columns, dtype="int32")
        return StepMaximum(given(), y, laid(lengths, times), time), y, time

    def maximum_gradient() -> tuple[Op, ...]:
        dx = empty(rows * times, columns)
        return StepMaximumGradient(tensor(dy), dx, laid(lengths, times), tensor(places, dtype="int32")), dx

    def multiply() -> tuple[Op, ...]:
        y = empty(rows * times, columns)
        return StepMultiply(given(), tensor(dy), y, laid(lengths, times)), y

    for build in (mean, mean_gradient, maximum, maximum_gradient, multiply):
        assert_same_on_threads(build)


def test_arguments_are_checked() -> None:
    steps = laid([3, 3, 3, 3], 3)
    x, y, time = Tensor((12, 5)), Tensor((4, 5)), Tensor((4, 5), "int32")
    for wrong in (Tensor((11, 5)), Tensor((12, 6))):
        for name, make in (
            ("StepMean", lambda x: StepMean(x, y, steps)),
            ("StepMeanGradient", lambda x: StepMeanGradient(y, x, steps)),
            ("StepMaximum", lambda x: StepMaximum(x, y, steps, time)),
            ("StepMaximumGradient", lambda x: StepMaximumGradient(y, x, steps, time)),
            ("StepMultiply", lambda x: StepMultiply(x, y, x, steps)),
        ):
            with pytest.raises(ValueError, match=rf"{name}: 3 steps \(1\d, \d\) and sequences \(4, 5\) do not fit"):
                make(wrong)
    with pytest.raises(ValueError, match="StepMean: 5 sequences, but steps of 4"):
        StepMean(Tensor((15, 5)), Tensor((5, 5)), steps)
    with pytest.raises(ValueError, match=r"StepMultiply: expected y like x \(12, 5\), got \(12, 4\)"):
        StepMultiply(x, y, Tensor((12, 4)), steps)
    for wrong in (Tensor((4, 5)), Tensor((4, 4), "int32"), Tensor((3, 5), "int32")):
        with pytest.raises(ValueError, match=r"StepMaximum: expected int32 places \(4, 5\), got "):
            StepMaximum(x, y, steps, wrong)
    with pytest.raises(TypeError, match="float32"):
        StepMean(Tensor((12, 5), "int32"), y, steps)
    with pytest.raises(TypeError):
        StepMaximum(x, y, steps, None)
