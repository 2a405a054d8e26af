"""Recurrent layers beside ONNX's reference evaluator: random weights and states, which its own cases leave out."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX's evaluator comes with the package onnx")

from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import onnx_sequences
from check import generator

Arrays = dict[str, np.ndarray]
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("operator", GATES)
def test_random_weights_and_states(operator: str, direction: str) -> None:
    random, gates, ways = generator(len(operator), len(direction)), GATES[operator], 1 + (direction == "bidirectional")
    for time, batch, size, units in ((1, 1, 1, 1), (5, 3, 4, 6), (9, 2, 7, 17)):
        bias = random.standard_normal((ways, 2, gates, units), np.float32)
        if operator == "GRU":
            bias[:, 1, 2] = 0  # there is one bias
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
        settings = {"hidden_size": units, "direction": direction}
        if operator == "GRU":
            settings["linear_before_reset"] = 1
        results = ["y", "last_h", "last_c"][: 3 if operator == "LSTM" else 2]
        if ways == 2:  # which the evaluator does not know: one way after the other
            wanted = both(operator, given, settings, results)
        else:
            wanted = evaluated(operator, given, settings, results)
        found = onnx_sequences.OPERATORS[operator](*given.values(), **settings)
        for ours, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def evaluated(operator: str, given: Arrays, settings: dict[str, object], results: list[str]) -> list[np.ndarray]:
    node = helper.make_node(operator, list(given), results, **settings)
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32}
    values = [helper.make_tensor_value_info(name, kinds[a.dtype], a.shape) for name, a in given.items()]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results]
    return ReferenceEvaluator(helper.make_model(helper.make_graph([node], "model", values, made))).run(None, given)


def both(operator: str, given: Arrays, settings: dict[str, object], results: list[str]) -> list[np.ndarray]:
    """Both directions by the forward one: the second reads time from its end."""
    ways = []
    for way in range(2):
        own = {name: a if name in ("x", "lengths") else a[way : way + 1] for name, a in given.items()}
        if way:
            own["x"] = own["x"][::-1]
        y, *last = evaluated(operator, own, {**settings, "direction": "forward"}, results)
        ways.append([y[::-1] if way else y, *last])
    first, second = ways
    joined = [np.concatenate([first[0], second[0]], axis=1)]
    return joined + [np.concatenate(pair) for pair in zip(first[1:], second[1:], strict=True)]
