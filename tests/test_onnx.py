"""Conformance: the cases of ONNX's own backend tests, for each operator that fastnn has too."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="ONNX's cases come with the package onnx")

from onnx import numpy_helper  # noqa: E402
from onnx.backend.test.case import node as nodes  # noqa: E402
from onnx.backend.test.loader import load_model_tests  # noqa: E402
from onnx.helper import get_attribute_value  # noqa: E402

import onnx_adapter  # noqa: E402
import onnx_pictures  # noqa: E402
import onnx_sequences  # noqa: E402
from onnx_adapter import OutOfScopeError  # noqa: E402

OPERATORS = {**onnx_adapter.OPERATORS, **onnx_pictures.OPERATORS, **onnx_sequences.OPERATORS}
#: What a model may have in addition to its one operator: axes of length 1 that come and go.
SHAPES = {"Squeeze": np.squeeze, "Unsqueeze": np.expand_dims}
#: The cases that ask for what fastnn does not have, and what that is.
LISTED = dict(
    line.split(": ", 1) for line in (Path(__file__).parent / "data" / "onnx_out_of_scope.txt").read_text().splitlines()
)
#: Operators of which all cases do: ONNX's defaults, or scores that are not logarithms of probabilities.
ONLY_OUTSIDE = ("HardSigmoid", "NegativeLogLikelihoodLoss")


@dataclass
class Case:
    """A model of one operator, its inputs by name, and the outputs that it must have."""

    name: str
    operator: str
    graph: Any
    inputs: dict[str, Any]
    outputs: list[Any]
    rtol: float
    atol: float


def models() -> Iterator[tuple[Any, Any, list[Any], list[Any]]]:
    """ONNX's cases: of single nodes, and of what PyTorch has exported. Each case, its model, inputs and outputs.

    Only modules that name our operators are imported: a module computes all its cases, and all modules take seconds.
    """
    random = np.random.get_state()
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        for path in sorted(Path(nodes.__file__).parent.glob("*.py")):
            text = path.read_text(encoding="utf-8")
            if any(f'"{operator}"' in text for operator in OPERATORS):
                import_module(f"{nodes.__name__}.{path.stem}")
    np.random.set_state(random)
    for case in nodes._NodeTestCases:
        if case.model is not None:
            yield case, case.model, *case.data_sets[0]
    for kind in ("pytorch-converted", "pytorch-operator"):
        for case in load_model_tests(kind=kind):
            folder = Path(case.model_dir)
            files = [sorted((folder / "test_data_set_0").glob(f"{part}_*.pb")) for part in ("input", "output")]
            values = [[numpy_helper.to_array(onnx.load_tensor(path)) for path in paths] for paths in files]
            yield case, onnx.load(folder / "model.onnx"), *values


@cache
def cases() -> dict[str, Case]:
    """Those of one operator that fastnn has too, by name."""
    found = {}
    for case, model, inputs, outputs in models():
        graph = model.graph
        names = [node.op_type for node in graph.node if node.op_type not in SHAPES]
        if len(names) != 1 or names[0] not in OPERATORS:
            continue
        given = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        rest = [value.name for value in graph.input if value.name not in given]
        given |= zip(rest, inputs, strict=True)
        found[case.name] = Case(case.name, names[0], graph, given, outputs, case.rtol, case.atol)
    return found


def results(case: Case) -> list[Any]:
    """fastnn's outputs."""
    values = dict(case.inputs)
    for node in case.graph.node:
        arguments = [values[name] if name else None for name in node.input]
        while arguments and arguments[-1] is None:
            arguments.pop()
        settings = {a.name: get_attribute_value(a) for a in node.attribute}
        settings = {key: value.decode() if isinstance(value, bytes) else value for key, value in settings.items()}
        if node.op_type in SHAPES:
            made = [SHAPES[node.op_type](arguments[0], tuple(settings["axes"]))]
        else:
            made = OPERATORS[node.op_type](*arguments, **settings)
        values |= zip(node.output, made, strict=False)  # ONNX leaves out outputs that are not used
    return [values[value.name] for value in case.graph.output]


@pytest.mark.parametrize("operator", OPERATORS)
def test_cases(operator: str) -> None:
    """Every case passes, or is listed with the reason why it is out of scope; and no other one is listed."""
    outside, passed = {}, 0
    of_it = {name: case for name, case in cases().items() if case.operator == operator}
    for name, case in of_it.items():
        try:
            given = results(case)
        except OutOfScopeError as reason:
            outside[name] = str(reason)
            continue
        for ours, theirs in zip(given, case.outputs, strict=True):
            if ours is not None:
                assert np.shape(ours) == np.shape(theirs), name
                np.testing.assert_allclose(ours, theirs, max(case.rtol, 1e-3), max(case.atol, 1e-7), err_msg=name)
        passed += 1
    assert outside == {name: reason for name, reason in LISTED.items() if name in of_it}
    assert passed or operator in ONLY_OUTSIDE


def test_the_list_names_cases() -> None:
    assert set(LISTED) <= set(cases())
