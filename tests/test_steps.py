"""Sequences by steps and back: every order, and what is refused."""

import numpy as np
import pytest

import reference_sequences as twins
from check import assert_margins, assert_same_bits, assert_same_on_threads, empty, generator, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Activation, FromSteps, Gather, ScaledSteps, Scatter, Steps, ToSteps
from sequences import laid, ragged, some, stepped

SHAPES = [(1, 1), (1, 7), (2, 1), (3, 4), (5, 9), (17, 6), (70, 3)]
FOUR = 400_000  # elements enough for four threads


def test_there_and_back(isa: str, num_threads: int) -> None:
    for rows, times in SHAPES if num_threads == 1 else [(300, 50), (7, 3000)]:
        for columns in range(1, 40, 6) if num_threads == 1 else (13,):
            for lengths in ([times] * rows, ragged(rows, times)):
                steps, total = laid(lengths, times), sum(lengths)
                assert steps.lengths == lengths and steps.times == times
                x = some(rows, times, columns)
                parted, whole = empty(rows * times, columns), empty(rows, times, columns)
                run(ToSteps(tensor(x), parted, steps), parted)
                assert_same_bits(written(parted, total), twins.ToSteps(x, lengths))
                run(FromSteps(parted, whole, steps), whole)
                assert_same_bits(whole.array, twins.FromSteps(written(parted, total), lengths, times))


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_other_types(dtype: str) -> None:
    lengths = ragged(5, 4)
    x = generator(1).integers(0, 200, (5, 4, 3)).astype(dtype)
    parted, whole = empty(20, 3, dtype=dtype), empty(5, 12, dtype=dtype)
    run(ToSteps(tensor(x, dtype=dtype), parted, laid(lengths, 4)), parted)
    assert_same_bits(written(parted, sum(lengths)), twins.ToSteps(x, lengths))
    run(FromSteps(parted, whole, laid(lengths, 4)), whole)
    assert_same_bits(whole.array.reshape(x.shape), twins.FromSteps(written(parted, sum(lengths)), lengths, 4))


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
def test_lengths_of_every_type(isa: str, dtype: str) -> None:
    for rows in (1, 4, 70):
        port, ends, lengths = Port("lengths", 1), empty(rows, 1, dtype="int32"), ragged(rows, 11)
        port.attach(np.array(lengths, dtype))
        steps = Steps(port, ends, times=11)
        run(steps, ends)
        assert steps.lengths == lengths and ends.array[:, 0].tolist() == lengths


def test_in_a_plan(isa: str) -> None:
    """Batches of other sizes, in an order; an op that is led runs on the real steps, and on no others."""
    rows, times, columns = 10, 6, 5
    x, y, port = Port("x", times * columns), Port("y", times * columns), Port("lengths", 1)
    given, result, parted, active = empty(4, 30), empty(4, 30), empty(24, 5), empty(24, 5)
    steps = Steps(port, empty(4, 1, dtype="int32"), times=times)
    relu = Activation(parted, active, "relu")
    steps.lead(relu)
    ops = [Gather(x, given), steps, ToSteps(given, parted, steps), relu, FromSteps(active, result, steps)]
    plan = Plan([*ops, Scatter(result, y)], [x, y, port])
    data, lengths, order = some(rows, times, columns), np.array(ragged(rows, times)), generator(1).permutation(rows)
    for taken, batch in ((None, 4), (order, 3), (order, 1)):
        results = np.full((rows, 30), np.nan, np.float32)
        for attached, array in ((x, data), (y, results), (port, lengths)):
            attached.attach(array)
        parted.array[...] = active.array[...] = np.nan
        plan.run(rows, batch, order=taken, pause=60)
        chosen = np.arange(rows) if taken is None else taken
        there = np.arange(times) < lengths[chosen, None]
        expected = np.where(there[..., None], np.maximum(data[chosen], 0), 0)
        assert_same_bits(results.reshape(expected.shape), expected.astype(np.float32))
        last = (chosen[8:] if batch == 4 else chosen[9:]).tolist()
        assert steps.lengths == lengths[last].tolist()
        for written_to in (given, result, parted, active):
            assert_margins(written_to)


def test_without_lengths_in_a_plan() -> None:
    """All steps are there, in runs of any rows."""
    x, given, parted = Port("x", 6), empty(4, 6), empty(12, 2)
    steps = Steps(None, Tensor((4, 1), "int32"), times=3)
    plan = Plan([Gather(x, given), steps, ToSteps(given, parted, steps)], [x])
    for rows in (4, 2, 3, 3, 1, 4):
        data = some(rows, 3, 2, start=rows)
        x.attach(data)
        plan.run(rows, rows)
        assert steps.lengths == [3] * rows
        assert_same_bits(parted.array[: 3 * rows], twins.ToSteps(data, [3] * rows))


def test_same_bits_on_threads() -> None:
    rows, times, columns = 400, 50, 40
    lengths, x = ragged(rows, times), some(rows, times, columns)
    assert sum(lengths) * columns > FOUR

    def to_steps() -> tuple[Op, ...]:
        y = empty(rows * times, columns)
        return ToSteps(tensor(x), y, laid(lengths, times)), y

    def from_steps() -> tuple[Op, ...]:
        y = empty(rows, times, columns)
        return FromSteps(stepped(twins.ToSteps(x, lengths), rows, times), y, laid(lengths, times)), y

    assert_same_on_threads(to_steps)
    assert_same_on_threads(from_steps)


@pytest.mark.parametrize("value", [0, -1, 8, 2**40, 1.5, np.nan, np.inf])
def test_lengths_that_are_none(isa: str, value: float) -> None:
    """The run stops at the first of them, and the next one is right."""
    port, given, parted, done = Port("lengths", 1), empty(4, 7), empty(28, 1), empty(28, 1)
    steps = Steps(port, Tensor((4, 1), "int32"), times=7)
    copy = Activation(parted, done, "identity")
    steps.lead(copy)
    plan = Plan([steps, ToSteps(given, parted, steps), copy], [port])
    order = np.arange(10)[::-1].copy()
    for row in (0, 3, 5, 9):
        lengths = np.full(10, 3, np.int64 if float(value).is_integer() else np.float64)
        lengths[row] = value
        port.attach(lengths)
        message = rf"lengths\[{row}\] is {lengths[row]}; expected an integer from 1 to 7"
        for taken, position in ((None, row // 4 * 4), (order, (9 - row) // 4 * 4)):
            with pytest.raises(ValueError, match=message.replace("+", r"\+")):
                plan.run(10, 4, order=taken, pause=60)
            assert plan.position == position
    port.attach(np.full(10, 7))
    assert plan.run(10, 4, pause=60) == 10
    assert steps.lengths == [7, 7]


def test_the_first_bad_length_is_named() -> None:
    """In any chunk of the rows, and before what no label may be."""
    lengths = np.ones(20_000, np.int64)
    lengths[[17, 18, 9000]] = 0, -5, 99
    port = Port("lengths", 1)
    port.attach(lengths)
    for first, value in ((17, 0), (18, -5), (9000, 99)):
        with pytest.raises(ValueError, match=rf"lengths\[{first}\] is {value};"):
            Steps(port, Tensor((20_000, 1), "int32"), times=3)()
        lengths[first] = 1
    Steps(port, Tensor((20_000, 1), "int32"), times=3)()
    with pytest.raises(ValueError, match="lengths: 20000 rows are attached, and the run reads rows beyond them"):
        Steps(port, Tensor((20_001, 1), "int32"), times=3)()


def test_arguments_are_checked() -> None:
    lengths = Tensor((4, 1), "int32")
    for wrong in (Tensor((4, 1)), Tensor((4, 2), "int32")):
        with pytest.raises(ValueError, match=r"Steps: expected int32 lengths \(rows, 1\), got "):
            Steps(None, wrong, times=3)
    for times in (0, -1, 1.5):
        with pytest.raises((TypeError, ValueError), match="Steps: times"):
            Steps(None, lengths, times=times)
    with pytest.raises(ValueError, match="Steps: ends has rows of 2 elements; expected one length a row"):
        Steps(Port("ends", 2), lengths, times=3)
    steps = Steps(None, lengths, times=3)
    for whole, parted in (((4, 6), (12, 3)), ((4, 6), (11, 2)), ((4, 7), (12, 2))):
        with pytest.raises(ValueError, match=r"ToSteps: 3 steps of \(4, \d\) float32 are not \(1\d, \d\) float32"):
            ToSteps(Tensor(whole), Tensor(parted), steps)
        with pytest.raises(ValueError, match=r"FromSteps: 3 steps of \(4, \d\) float32 are not \(1\d, \d\) float32"):
            FromSteps(Tensor(parted), Tensor(whole), steps)
    with pytest.raises(ValueError, match="int32"):
        ToSteps(Tensor((4, 6)), Tensor((12, 2), "int32"), steps)
    with pytest.raises(ValueError, match="ToSteps: 5 sequences, but steps of 4"):
        ToSteps(Tensor((5, 6)), Tensor((15, 2)), steps)
    with pytest.raises(TypeError):
        ToSteps(Tensor((4, 6)), Tensor((12, 2)), None)


@pytest.mark.parametrize("scale", [(1, 0, 1), (1, -2, 1), (1, 1, 2), (1, -3, 2), (3, -1, 1)])
def test_lengths_that_a_layer_makes_of_others(scale: tuple[int, int, int], num_threads: int) -> None:
    for rows, most in ((1, 9), (7, 9), (70, 30)):
        lengths = [max(n, 5) for n in ragged(rows, most)]
        port, ends, made = Port("lengths", 1), empty(rows, 1, dtype="int32"), empty(rows, 1, dtype="int32")
        port.attach(np.array(lengths))
        source = Steps(port, ends, times=most)
        times = max(twins.ScaledSteps([most], scale))
        steps = ScaledSteps(source, ends, made, times=times, scale=scale)
        Plan([source, steps], [port], []).run(rows, rows)
        assert steps.lengths == twins.ScaledSteps(lengths, scale)
        x, parted = some(rows, times, 3), empty(rows * times, 3)
        run(ToSteps(tensor(x), parted, steps), parted)
        assert_same_bits(written(parted, sum(steps.lengths)), twins.ToSteps(x, steps.lengths))


def test_a_sequence_that_leaves_no_step() -> None:
    port, ends, made = Port("lengths", 1), empty(3, 1, dtype="int32"), empty(3, 1, dtype="int32")
    port.attach(np.array([5, 2, 4]))
    source = Steps(port, ends, times=6)
    plan = Plan([source, ScaledSteps(source, ends, made, times=4, scale=(1, -2, 1))], [port], [])
    with pytest.raises(ValueError, match=r"lengths\[1\] leaves 2 steps; .* needs at least 3"):
        plan.run(3, 3)
    with pytest.raises(ValueError, match="4 sequences, but steps of 3"):
        ScaledSteps(source, ends, empty(4, 1, dtype="int32"), times=4, scale=(1, 0, 1))
    with pytest.raises(ValueError, match=r"expected int32 lengths \(3, 1\)"):
        ScaledSteps(source, empty(3, 1), made, times=4, scale=(1, 0, 1))
