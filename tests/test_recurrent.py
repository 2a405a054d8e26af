"""The recurrent ops and their gradients against their twins: every width, way, state, mask and activation."""

import numpy as np
import pytest

from check import TAILS, assert_close, assert_same_bits, normal
from fastnn.engine.tensor import Tensor
from fastnn.kernels import ACTIVATIONS, DERIVED_FROM_INPUT, GRU, LSTM, RNN, GRUGradient, RNNGradient
from recurrences import GATES, Recurrence, bias, firsts, grads, inputs, mask
from sequences import laid, ragged

every_kind = pytest.mark.parametrize("kind", GATES)
TOLERANCE = 1e-5  # of the greatest element: the steps add up
# Rows and times, and such as are work enough for two threads: many sequences; fewer than threads, with a great weight.
SMALL, LARGE, WIDE = [(1, 3), (3, 4), (5, 2), (7, 1)], (90, 20), {"LSTM": 470, "GRU": 540, "RNN": 930}


def compare(recurrence: Recurrence, backward: dict[str, np.ndarray], first: bool = True) -> None:
    expected = recurrence.expected()
    for name, array in recurrence.run().items():
        assert_close(array, expected[name], tolerance=TOLERANCE)
    expected = recurrence.expected_gradient(backward)
    for name, array in recurrence.run_gradient(backward, first).items():
        assert_close(array, expected[name], tolerance=TOLERANCE)


@every_kind
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_ops(isa: str, num_threads: int, kind: str, reverse: bool) -> None:
    """With and without first states, masks, and gradients of the results, in turns."""
    for units in TAILS if num_threads == 1 else (16, 33):
        rows, times = SMALL[units % 4] if num_threads == 1 else LARGE
        for lengths in ([times] * rows, ragged(rows, times)):
            z, weight = inputs(kind, units, sum(lengths))
            given = firsts(kind, rows, units) if units % 3 else {}
            given |= {"mask": mask(rows, units)} if units % 5 < 2 else {}
            given |= bias(kind, units) if units % 2 else {}
            backward = grads(kind, rows, sum(lengths), units)
            chosen = [backward, {"dy": backward["dy"]}, {"dlast_h": backward["dlast_h"]}, backward][units % 4]
            compare(Recurrence(kind, z, weight, lengths, times, given, reverse=reverse), chosen, first=units % 7 < 4)


@every_kind
def test_fewer_sequences_than_threads(isa: str, num_threads: int, kind: str) -> None:
    units = WIDE[kind]
    z, weight = inputs(kind, units, 3)
    given = {"mask": mask(1, units)} | bias(kind, units)
    compare(Recurrence(kind, z, weight, [3], 3, given), grads(kind, 1, 3, units))


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name not in {"step", *DERIVED_FROM_INPUT}])
def test_activations(isa: str, activation: str) -> None:
    lengths = [4, 2, 3]
    for units in (1, 13, 40):
        z, weight = inputs("RNN", units, 9)
        weight = weight / 100 if activation == "exp" else weight  # which would soon be infinite
        compare(Recurrence("RNN", z, weight, lengths, 4, activation=activation), grads("RNN", 3, 9, units))


def test_one_of_the_first_states(isa: str) -> None:
    lengths, units = ragged(5, 4), 19
    z, weight = inputs("LSTM", units, sum(lengths))
    for name in ("h0", "c0"):
        given = {name: firsts("LSTM", 5, units)[name]}
        compare(Recurrence("LSTM", z, weight, lengths, 4, given), grads("LSTM", 5, sum(lengths), units))


@every_kind
@pytest.mark.parametrize("wanted", ["h", "c"])
def test_gradient_of_one_first_state(isa: str, kind: str, wanted: str) -> None:
    """Each alone is the same as with the other, and what is not wanted is not needed for dz."""
    if kind != "LSTM" and wanted == "c":
        pytest.skip("it has no cells")
    z, weight = inputs(kind, 21, 9)
    backward = grads(kind, 3, 9, 21)
    found = []
    for states in ("hc", wanted, ""):
        recurrence = Recurrence(kind, z, weight, [3, 2, 4], 4)
        recurrence.run()
        recurrence.states = tuple("hc" if kind == "LSTM" else "h")
        op, outputs = recurrence.gradient(backward, first=bool(states))
        op()
        found.append(outputs)
    for other in found[1:]:
        for name in set(other) - {"running h", "running c"}:
            assert_same_bits(other[name].array, found[0][name].array)


@every_kind
def test_lean_is_the_same(isa: str, kind: str) -> None:
    """Nothing kept for a gradient changes nothing."""
    lengths = ragged(6, 5)
    z, weight = inputs(kind, 30, sum(lengths))
    whole = Recurrence(kind, z, weight, lengths, 5, firsts(kind, 6, 30)).run()
    for name, array in Recurrence(kind, z, weight, lengths, 5, firsts(kind, 6, 30), lean=True).run().items():
        assert_same_bits(array, whole[name])


@every_kind
def test_a_mask_of_ones_changes_nothing(isa: str, kind: str) -> None:
    lengths = ragged(6, 5)
    z, weight = inputs(kind, 30, sum(lengths))
    plain = Recurrence(kind, z, weight, lengths, 5)
    masked = Recurrence(kind, z, weight, lengths, 5, {"mask": np.ones((6, 30), np.float32)})
    results, backward = masked.run(), grads(kind, 6, sum(lengths), 30)
    for name, array in plain.run().items():
        assert_same_bits(results[name], array)
    results = masked.run_gradient(backward)
    for name, array in plain.run_gradient(backward).items():
        assert_close(results[name], array, tolerance=1e-6)


@every_kind
def test_a_nan_stays_in_its_sequence(isa: str, kind: str) -> None:
    lengths = [3, 4, 2]
    z, weight = inputs(kind, 25, 9)
    clean = Recurrence(kind, z, weight, lengths, 4).run()
    spoilt = z.copy()
    spoilt[3, 7] = np.nan  # the rows of the steps are 1, 0, 2, 1, 0, 2, 1, 0, 1: time 1 of row 1
    results = Recurrence(kind, spoilt, weight, lengths, 4).run()
    assert np.isnan(results["last_h"][1]).all()
    assert_same_bits(results["y"][[0, 1, 2, 4, 5, 7]], clean["y"][[0, 1, 2, 4, 5, 7]])
    assert np.isnan(results["y"][[6, 8]]).all()


def test_arguments_are_checked() -> None:
    steps, z, h = laid([3] * 4, 3), Tensor((12, 15)), Tensor((4, 5))
    weight, sums, state = Tensor((5, 15)), Tensor((12, 15)), Tensor((4, 5))
    kept = {"before": Tensor((12, 5)), "mask": Tensor((4, 5))}
    with pytest.raises(ValueError, match="GRU: mask and plain go together"):
        GRU(z, weight, steps, h, sums, **kept)
    with pytest.raises(ValueError, match="GRU: mask and before go together"):
        GRU(z, weight, steps, h, sums, mask=kept["mask"], plain=Tensor((12, 5)))
    with pytest.raises(ValueError, match="GRUGradient: mask and scratch go together"):
        GRUGradient(z, weight, steps, h, sums, Tensor((12, 5)), mask=kept["mask"])
    with pytest.raises(ValueError, match=r"GRU: expected sums \(12, 15\), got \(12, 5\)"):
        GRU(z, weight, steps, h, Tensor((12, 5)))
    with pytest.raises(ValueError, match=r"GRU: expected bias \(15,\), got \(5,\)"):
        GRU(z, weight, steps, h, sums, bias=Tensor((5,)))
    with pytest.raises(ValueError, match=r"LSTM: expected c \(4, 5\), got \(4, 6\)"):
        LSTM(Tensor((12, 20)), Tensor((5, 20)), steps, h, Tensor((4, 6)))
    with pytest.raises(ValueError, match="LSTM: mask and before go together"):
        LSTM(Tensor((12, 20)), Tensor((5, 20)), steps, h, state, mask=kept["mask"])
    for wrong in ("gelu", "silu"):
        for make in (RNN, RNNGradient):
            with pytest.raises(ValueError, match=f"RNN: the derivative of {wrong} is computed from its input"):
                make(Tensor((12, 5)), Tensor((5, 5)), steps, h, activation=wrong)
    with pytest.raises(ValueError, match="unknown activation 'odd'; known: identity"):
        RNN(Tensor((12, 5)), Tensor((5, 5)), steps, h, activation="odd")
    with pytest.raises(TypeError):
        LSTM(Tensor((12, 20)), Tensor((5, 20)), steps, h, None)
    with pytest.raises(TypeError):
        RNN(normal(12, 5), Tensor((5, 5)), steps, h)
