"""Conformance: the cases of ONNX's own backend tests, for each operator that fastnn has too."""

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="ONNX's cases come with the package onnx")

from onnx.backend.test.case.node import collect_testcases  # noqa: E402
from onnx.helper import get_attribute_value  # noqa: E402

from onnx_adapter import OPERATORS, OutOfScopeError  # noqa: E402

#: The cases that ask for what fastnn does not have, and what that is.
LISTED = dict(
    line.split(": ", 1) for line in (Path(__file__).parent / "data" / "onnx_out_of_scope.txt").read_text().splitlines()
)
#: Operators of which all cases do: ONNX's defaults, or scores that are no logarithms of probabilities.
ONLY_OUTSIDE = ("HardSigmoid", "NegativeLogLikelihoodLoss")


@cache
def cases() -> dict[str, Any]:
    """Those of one node that is among the operators, by name."""
    found = {}
    random = np.random.get_state()
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        collected = collect_testcases(None)
    np.random.set_state(random)
    for case in collected:
        nodes = case.model.graph.node if case.model is not None else []
        if len(nodes) == 1 and nodes[0].op_type in OPERATORS:
            found[case.name] = case
    return found


def result(case: Any) -> tuple[list[Any], list[np.ndarray]]:
    """fastnn's outputs and the expected ones."""
    node = case.model.graph.node[0]
    inputs, outputs = case.data_sets[0]
    given = dict(zip([value.name for value in case.model.graph.input], inputs, strict=True))
    arguments = [given[name] if name else None for name in node.input]
    while arguments and arguments[-1] is None:
        arguments.pop()
    settings = {a.name: get_attribute_value(a) for a in node.attribute}
    settings = {key: value.decode() if isinstance(value, bytes) else value for key, value in settings.items()}
    return list(OPERATORS[node.op_type](*arguments, **settings)), list(outputs)


@pytest.mark.parametrize("operator", OPERATORS)
def test_cases(operator: str) -> None:
    """Every case passes, or is listed with the reason why it is out of scope; and no other one is listed."""
    outside, passed = {}, 0
    for name, case in cases().items():
        if case.model.graph.node[0].op_type != operator:
            continue
        try:
            given, expected = result(case)
        except OutOfScopeError as reason:
            outside[name] = str(reason)
            continue
        for ours, theirs in zip(given, expected, strict=False):  # ONNX leaves out what nobody asks for
            if ours is not None:
                assert np.shape(ours) == np.shape(theirs), name
                np.testing.assert_allclose(ours, theirs, max(case.rtol, 1e-3), max(case.atol, 1e-7), err_msg=name)
        passed += 1
    assert outside == {name: reason for name, reason in LISTED.items() if name in cases_of(operator)}
    assert passed or operator in ONLY_OUTSIDE


def cases_of(operator: str) -> set[str]:
    """The names of an operator's cases."""
    return {name for name, case in cases().items() if case.model.graph.node[0].op_type == operator}


def test_the_list_names_cases() -> None:
    assert set(LISTED) <= set(cases())
