"""Recurrent layers against ONNX's reference evaluator: random weights and states, which its own cases leave out."""

from itertools import product

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX's evaluator comes with the package onnx")

from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import onnx_sequences
from check import generator
from onnx_adapter import OutOfScopeError

Arrays = dict[str, np.ndarray]
Settings = dict[str, object]
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
DIRECTIONS = ("forward", "reverse", "bidirectional")
RESULTS = ("y", "last_h", "last_c")
#: The place of each input, also where others are left out.
INPUTS = ("x", "w", "r", "b", "lengths", "h", "c")


def drawn(operator: str, direction: str, time: int, batch: int, size: int, units: int) -> tuple[Arrays, Settings]:
    """All inputs that an operator may have, and its settings."""
    ways, gates = 1 + (direction == "bidirectional"), GATES[operator]
    random = generator(len(operator), len(direction), time)
    bias = random.standard_normal((ways, 2, gates, units), np.float32)
    given = {
        "x": random.standard_normal((time, batch, size), np.float32),
        "w": random.standard_normal((ways, gates * units, size), np.float32),
        "r": random.standard_normal((ways, gates * units, units), np.float32) / units,
        "b": bias.reshape(ways, -1),
        "lengths": np.full(batch, time, np.int32),
        "h": random.standard_normal((ways, batch, units), np.float32),
        "c": random.standard_normal((ways, batch, units), np.float32),
    }
    if operator != "LSTM":
        given.pop("c")
    settings: Settings = {"hidden_size": units, "direction": direction}
    return given, {**settings, "linear_before_reset": 1} if operator == "GRU" else settings


def evaluated(operator: str, given: Arrays, settings: Settings) -> list[np.ndarray]:
    """By ONNX; of both directions one after the other, as older evaluators know but one."""
    if settings["direction"] == "bidirectional":
        ways = []
        for way, direction in enumerate(("forward", "reverse")):
            own = {name: a if name in ("x", "lengths") else a[way : way + 1] for name, a in given.items()}
            ways.append(evaluated(operator, own, {**settings, "direction": direction}))
        return [np.concatenate(pair, axis=int(i == 0)) for i, pair in enumerate(zip(*ways, strict=True))]
    results = RESULTS[: 3 if operator == "LSTM" else 2]
    names = [name if name in given else "" for name in (INPUTS if operator == "LSTM" else INPUTS[:-1])]
    node = helper.make_node(operator, names, results, **settings)
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32}
    values = [helper.make_tensor_value_info(name, kinds[a.dtype], a.shape) for name, a in given.items()]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results]
    return ReferenceEvaluator(helper.make_model(helper.make_graph([node], "model", values, made))).run(None, given)


def same(operator: str, given: Arrays, settings: Settings, wanted: list[np.ndarray]) -> None:
    found = onnx_sequences.OPERATORS[operator](*[given.get(name) for name in INPUTS], **settings)
    for ours, theirs in zip(found, wanted, strict=True):
        assert np.shape(ours) == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("operator", GATES)
def test_random_weights_and_states(operator: str, direction: str) -> None:
    """Time first, and batch first."""
    for sizes in ((1, 1, 1, 1), (5, 3, 4, 6), (9, 2, 7, 17)):
        given, settings = drawn(operator, direction, *sizes)
        y, *last = evaluated(operator, given, settings)
        same(operator, given, settings, [y, *last])
        turned = {name: given[name].swapaxes(0, 1) for name in ("x", "h", "c") if name in given}
        wanted = [y.transpose(2, 0, 1, 3), *(state.swapaxes(0, 1) for state in last)]
        same(operator, {**given, **turned}, {**settings, "layout": 1}, wanted)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("operator", GATES)
def test_what_may_be_left_out(operator: str, direction: str) -> None:
    given, settings = drawn(operator, direction, 4, 3, 5, 6)
    optional = [name for name in ("b", "lengths", "h", "c") if name in given]
    for left in product((False, True), repeat=len(optional)):
        absent = {name for name, out in zip(optional, left, strict=True) if out}
        some = {name: a for name, a in given.items() if name not in absent}
        same(operator, some, settings, evaluated(operator, some, settings))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("operator", GATES)
def test_lengths(operator: str, direction: str) -> None:
    """Each sequence as it is alone, cut where it ends, which the evaluator does not do; beyond are zeros."""
    given, settings = drawn(operator, direction, 7, 5, 3, 6)
    given["lengths"] = np.array([3, 7, 1, 6, 3], np.int32)
    ways = len(given["w"])
    wanted = [np.zeros((7, ways, 5, 6), np.float32), *(np.zeros((ways, 5, 6)) for name in "hc" if name in given)]
    for row, length in enumerate(given["lengths"]):
        alone = {name: a[:, row : row + 1] if name in ("x", "h", "c") else a for name, a in given.items()}
        y, *last = evaluated(operator, {**alone, "x": alone["x"][:length], "lengths": np.array([length])}, settings)
        wanted[0][:length, :, row] = y[:, :, 0]
        for whole, state in zip(wanted[1:], last, strict=True):
            whole[:, row] = state[:, 0]
    given["x"][np.arange(7)[:, None] >= given["lengths"]] = np.nan  # nothing reads these
    same(operator, given, settings, wanted)


def test_what_is_out_of_scope() -> None:
    """A GRU's r before the product; other activations."""
    given, settings = drawn("GRU", "forward", 4, 3, 5, 6)
    for other in ({"linear_before_reset": 0}, {"activations": ["Relu", "Tanh"]}, {"clip": 1.0}):
        with pytest.raises(OutOfScopeError):
            same("GRU", given, {**settings, **other}, [])
