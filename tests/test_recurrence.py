"""The way through the steps of sequences: the same bits in any batch, with any padding, on any threads; weights."""

import numpy as np
import pytest

import reference_sequences as twins
from check import TAILS, assert_margins, assert_same_bits, assert_same_on_threads, empty, tensor
from fastnn.engine.op import Op, get_isa, levels, set_isa
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import GRU, LSTM, RNN, Gather, LSTMGradient, Packed, RNNGradient, Scatter, Steps, ToSteps
from recurrences import GATES, Arrays, Recurrence, bias, firsts, grads, inputs, mask
from sequences import laid, ragged, rows_of, some, stepped

every_kind = pytest.mark.parametrize("kind", GATES)
every_way = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


@every_kind
@every_way
def test_a_row_has_the_same_bits_in_any_batch_and_padding(isa: str, kind: str, reverse: bool) -> None:
    """Forward and back: y, the last states, dz and the gradients of first states."""
    lengths, units, gates = [4, 2, 6, 1, 6], 27, GATES[kind]
    z, dy = some(5, 6, gates * units), some(5, 6, units)
    weight, states = inputs(kind, units, 1)[1], firsts(kind, 5, units) | {"mask": mask(5, units)}

    def results(rows: list[int], times: int, names: list[str]) -> tuple[Arrays, Arrays]:
        chosen = [lengths[row] for row in rows]
        given = {name: states[name][rows] for name in names} | (bias(kind, units) if "mask" in names else {})
        parted = [twins.ToSteps(np.pad(x, ((0, 0), (0, 10), (0, 0)))[rows, :times], chosen) for x in (z, dy)]
        recurrence = Recurrence(kind, parted[0], weight, chosen, times, given, reverse=reverse)
        backward = {name: d[rows] for name, d in grads(kind, 5, 1, units).items() if name != "dy"}
        forward = {name: array.copy() for name, array in recurrence.run().items()}
        return forward, recurrence.run_gradient(backward | {"dy": parted[1]})

    for names in (list(states), [], ["mask"]):
        together = results([0, 1, 2, 3, 4], 6, names)
        for rows, times in (([0], 4), ([3], 1), ([3, 1], 9), ([2, 2, 0, 1, 3, 3, 4], 6), ([1, 3], 16)):
            for parts, whole in zip(results(rows, times, names), together, strict=True):
                for name, part in parts.items():
                    if len(part) == len(rows) and (name[0] == "d" or name.startswith("last")):
                        assert_same_bits(part, whole[name][rows])
                        continue
                    sequences = rows_of(whole[name], lengths)
                    for row, own in zip(rows, rows_of(part, [lengths[row] for row in rows]), strict=True):
                        np.testing.assert_array_equal(own, sequences[row])  # 0 may be -0


@every_kind
@every_way
@pytest.mark.parametrize(("rows", "times", "units"), [(150, 12, 50), (1, 2, 0), (3, 2, 0)])
def test_same_bits_on_threads(kind: str, reverse: bool, rows: int, times: int, units: int) -> None:
    """Where there are fewer sequences than threads, these share out the columns of a weight that is great enough."""
    units = units or {"LSTM": 640, "GRU": 740, "RNN": 1290}[kind]
    lengths = ragged(rows, times)
    z, weight = inputs(kind, units, sum(lengths))
    given = firsts(kind, rows, units) | bias(kind, units) | ({"mask": mask(rows, units)} if rows % 3 == 0 else {})

    def recurrence() -> Recurrence:
        return Recurrence(kind, z, weight, lengths, times, given, reverse=reverse)

    def forward() -> tuple[Op, ...]:
        made = recurrence()
        return made.op, *made.outputs

    def gradient() -> tuple[Op, ...]:
        made = recurrence()
        made.run()
        op, outputs = made.gradient(grads(kind, rows, sum(lengths), units))
        return op, *outputs.values()

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


@every_kind
def test_packed(isa: str, num_threads: int, kind: str) -> None:
    """The same bits with a weight that is packed before; one that is not packed is packed again in each run."""
    lengths = ragged(5, 4)
    for units in (1, 7, 16, 33, 70):
        z, weight = inputs(kind, units, sum(lengths))
        plain = Recurrence(kind, z, weight, lengths, 4)
        packed = Recurrence(kind, z, Packed(tensor(weight)), lengths, 4)
        results = packed.run()
        for name, array in plain.run().items():
            assert_same_bits(results[name], array)
        twice = Recurrence(kind, z, 2 * weight, lengths, 4).run()["y"].copy()
        for recurrence in (plain, packed):
            matrix = recurrence.weight if recurrence is plain else recurrence.weight.weight
            matrix.array[...] *= 2
            if recurrence is packed:
                packed.weight()
            recurrence.by_step["z"].array[: len(z)] = z
            assert_same_bits(recurrence.run()["y"], twice)


def test_the_gradient_reads_the_weight_again(isa: str) -> None:
    z, weight = inputs("RNN", 20, 6)
    results = []
    for factor in (1, 2):
        recurrence = Recurrence("RNN", z, weight, [3, 3], 3)
        recurrence.run()
        h, matrix = recurrence.state(), tensor(weight * factor)
        op = RNNGradient(
            recurrence.by_step["z"], matrix, recurrence.steps, h, dlast_h=tensor(np.ones((2, 20), np.float32))
        )
        matrix.array[...] = 2 * weight
        op()
        results.append(recurrence.by_step["z"].array.copy())
    assert_same_bits(*results)


def test_packed_transposed_stands_for_the_transposed(isa: str) -> None:
    z, weight = inputs("RNN", 20, 6)
    results, y = Recurrence("RNN", z, np.ascontiguousarray(weight.T), [3, 3], 3).run()["y"], empty(6, 20)
    RNN(tensor(z), Packed(tensor(weight), transposed=True), laid([3, 3], 3), empty(2, 20), y=y)()
    assert_same_bits(y.array, results)
    with pytest.raises(ValueError, match=r"LSTM: expected a weight \(5, 20\), got \(20, 5\)"):
        packed = Packed(Tensor((5, 20)), transposed=True)
        LSTM(Tensor((6, 20)), packed, laid([3, 3], 3), Tensor((2, 5)), Tensor((2, 5)))


@every_kind
def test_in_a_plan(isa: str, num_threads: int, kind: str) -> None:
    """Batches of any rows and lengths: each sequence as if it were alone, and margins untouched."""
    units, times, rows = 11, 5, 13
    width = GATES[kind] * units
    x, y, port = Port("x", times * width), Port("y", units), Port("lengths", 1)
    given, z, last = empty(4, times * width), empty(4 * times, width), empty(4, units)
    steps = Steps(port, empty(4, 1, dtype="int32"), times=times)
    running = [
        empty(4, units),
        *([] if kind == "RNN" else [empty(4 * times, width) if kind == "GRU" else empty(4, units)]),
    ]
    data, (_, weight) = some(rows, times, width), inputs(kind, units, 1)
    make = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}[kind]
    ops = [Gather(x, given), steps, ToSteps(given, z, steps), make(z, tensor(weight), steps, *running, last_h=last)]
    plan = Plan([*ops, Scatter(last, y)], [x, y, port])
    lengths, results = ragged(rows, times), np.full((rows, units), np.nan, np.float32)
    for attached, array in ((x, data), (y, results), (port, np.array(lengths))):
        attached.attach(array)
    alone = [
        Recurrence(kind, data[row, :length], weight, [length], length).run()["last_h"][0]
        for row, length in enumerate(lengths)
    ]
    for batch in (4, 3, 1):
        results[...] = np.nan
        plan.run(rows, batch, pause=60)
        assert_same_bits(results, np.array(alone))
    for written_to in (given, z, last, *running):
        assert_margins(written_to)


def test_wide_states(isa: str) -> None:
    """The product at every tail of the units, by its sums alone: no activation, one step after a first state."""
    for units in TAILS:
        h0, weight = some(3, units), some(units, units, start=1)
        y, zeros = empty(3, units), tensor(np.zeros((3, units), np.float32))
        RNN(zeros, tensor(weight), laid([1] * 3, 1), empty(3, units), y=y, h0=tensor(h0), activation="identity")()
        scale = np.abs(h0) @ np.abs(weight)
        assert (np.abs(y.array - h0.astype(np.float64) @ weight) <= 1e-6 * scale).all()


def test_a_step_that_is_padding_is_not_touched(isa: str) -> None:
    """Neither read, where it would be NaN, nor written."""
    lengths = [2, 5, 1]
    z, weight = inputs("LSTM", 9, 8)
    recurrence = Recurrence("LSTM", z, weight, lengths, 5)
    results = recurrence.run()  # `written` looks after the canaries
    assert all(np.isfinite(array).all() for array in results.values())
    assert not twins.FromSteps(results["y"], lengths, 5)[0, 2:].any()
    backward = recurrence.run_gradient(grads("LSTM", 3, 8, 9))
    assert all(np.isfinite(array).all() for array in backward.values())


def test_packed_belongs_to_an_instruction_set() -> None:
    if len(levels()) < 2:
        pytest.skip("this processor has one level only")
    packed, before = Packed(Tensor((5, 5))), get_isa()
    set_isa(levels()[1 if before == levels()[0] else 0])
    try:
        with pytest.raises(ValueError, match="RNN: the weight was packed for another instruction set"):
            RNN(Tensor((6, 5)), packed, laid([3, 3], 3), Tensor((2, 5)))
    finally:
        set_isa(before)


def test_arguments_are_checked() -> None:
    steps = laid([3, 3, 3, 3], 3)
    z, weight, state = Tensor((12, 20)), Tensor((5, 20)), Tensor((4, 5))
    for wrong in (Tensor((20, 5)), Tensor((5, 15)), Tensor((4, 20))):
        with pytest.raises(ValueError, match=r"LSTM: expected a weight \(5, 20\), got \(\d+, \d+\)"):
            LSTM(z, wrong, steps, state, Tensor((4, 5)))
    for wrong in (Tensor((11, 20)), Tensor((12, 15))):
        with pytest.raises(ValueError, match=r"LSTM: expected z \(12, 20\), got \(1\d, \d+\)"):
            LSTM(wrong, weight, steps, state, Tensor((4, 5)))
    for name in ("y", "before", "cells"):
        with pytest.raises(ValueError, match=rf"LSTM: expected {name} \(12, 5\), got \(4, 5\)"):
            LSTM(z, weight, steps, state, Tensor((4, 5)), **{name: Tensor((4, 5))})
    for name in ("last_h", "last_c", "h0", "c0", "mask"):
        with pytest.raises(ValueError, match=rf"LSTM: expected {name} \(4, 5\), got \(12, 5\)"):
            LSTM(z, weight, steps, state, Tensor((4, 5)), **{name: Tensor((12, 5))})
    for name in ("dlast_h", "dlast_c", "dh0", "dc0", "mask"):
        with pytest.raises(ValueError, match=rf"LSTMGradient: expected {name} \(4, 5\), got \(4, 6\)"):
            LSTMGradient(z, weight, steps, state, Tensor((4, 5)), Tensor((12, 5)), **{name: Tensor((4, 6))})
    with pytest.raises(ValueError, match=r"LSTMGradient: expected dy \(12, 5\), got \(4, 15\)"):
        LSTMGradient(z, weight, steps, state, Tensor((4, 5)), Tensor((12, 5)), dy=Tensor((4, 15)))
    with pytest.raises(ValueError, match="RNN: 5 sequences, but steps of 4"):
        RNN(stepped(some(15, 5), 5, 3), Tensor((5, 5)), steps, Tensor((5, 5)))
    for wrong in ({"y": Tensor((12, 5), "int32")}, {"h0": Tensor((4, 5), "int32")}):
        with pytest.raises(TypeError, match="float32"):
            LSTM(z, weight, steps, state, Tensor((4, 5)), **wrong)
