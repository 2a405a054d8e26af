"""Lists of sequences of different lengths, as data: arrays with padding, and the lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.common import free
from fastnn.data import arrays
from fastnn.data.padding import padded, ragged
from fastnn.model.compiled import Compiled
from fastnn.model.objectives import one_or_all


def as_arrays(net: Compiled, x: Any, y: Any, lengths: Any) -> tuple[Any, Any, Any]:
    """x, y and the lengths, where x has such lists for inputs of any number of steps; all else as it is.

    Raises ValueError for lengths besides, for a network that is not built, and for targets of other lengths than the
    outputs.
    """
    names = net.graph.inputs
    several = len(names) > 1 and isinstance(x, (list, tuple, Mapping)) and len(x) == len(names)
    parts = arrays.parted("x", x, names) if several or len(names) == 1 else []
    lists = {i for i, part in enumerate(parts) if ragged(part)}
    if lists and not net.features:
        counts = [len(each) for each in x]
        other = next(i for i, count in enumerate(counts) if count != counts[0])
        raise ValueError(
            f"x[{other}] has {counts[other]} elements, x[0] has {counts[0]}; for sequences of different lengths give "
            "the network an input_shape with None for their steps"
        )
    sequences = net.graph.sequences(free.example(net.graph.shapes, net.features)) if lists else set()
    lists = {i for i in lists & sequences if net.features[i][0] is None}
    if not lists:
        return x, y, lengths
    if lengths is not None:
        raise ValueError("lengths: those of a list of sequences are known; leave them out")
    found, ends = list(parts), dict[str, np.ndarray]()
    for i in lists:
        found[i], ends[names[i]] = padded(parts[i])
    if y is not None:
        y = _targets(net, y, [np.asarray(part) for part in found], ends)
    return one_or_all(names, found), y, ends


def _targets(net: Compiled, y: Any, x: Sequence[np.ndarray], ends: Mapping[str, np.ndarray]) -> Any:
    """Targets, those that are such lists as arrays."""
    names = net.graph.output_names
    if len(names) > 1 and not (isinstance(y, (list, tuple, Mapping)) and len(y) == len(names)):
        return y
    parts = arrays.parted("y", y, names)
    for i, part in enumerate(parts):
        if ragged(part):
            padding = net.objectives[i].loss.padding if net.objectives else None
            if padding is None:
                _check(net, i, part, x, ends)
            parts[i] = padded(part, padding or 0)[0]
    return one_or_all(names, parts)


def _check(
    net: Compiled, output: int, y: Sequence[Any], x: Sequence[np.ndarray], ends: Mapping[str, np.ndarray]
) -> None:
    """Raises ValueError for a target of another length than the output of its sample."""
    known: dict[tuple[int, ...], int] = {}
    counts = [
        ends[name] if name in ends else np.full(len(y), part.shape[1])
        for name, part in zip(net.graph.inputs, x, strict=True)
    ]
    for i, each in enumerate(y):
        steps = tuple(int(count[i]) for count in counts)
        if steps not in known:
            features = [(n, *part.shape[2:]) for n, part in zip(steps, x, strict=True)]
            known[steps] = net.graph.output_shapes(features)[output][0]
        if len(each) != known[steps]:
            name = "y" if len(net.graph.output_names) == 1 else f"y[{net.graph.output_names[output]!r}]"
            raise ValueError(f"{name}[{i}] has {len(each)} steps; expected {known[steps]}, as the output has")
