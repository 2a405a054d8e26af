"""Lengths of sequences: which input has which, and what layers make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.engine.port import Port
from fastnn.layers.graph import Graph
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.sequences import Scale


def ends(graph: Graph, lengths: Any, inputs: Sequence[np.ndarray]) -> tuple[list[np.ndarray], tuple[int, ...]]:
    """The arrays of lengths that are given, and for each input the number of its own, or -1; nothing for None.

    lengths: an array for all sequences, or a dict by input. Raises TypeError and ValueError where they do not fit.
    """
    if lengths is None:
        return [], ()
    features, count = [array.shape[1:] for array in inputs], len(inputs[0])
    sequences = graph.sequences(features)
    if not isinstance(lengths, Mapping):
        graph.times(features)
        shared = tuple(0 if i in sequences else -1 for i in range(len(features)))
        return [arrays.lengths("lengths", lengths, count)], shared
    checks.names("lengths", lengths, graph.inputs, some=True)
    found: list[np.ndarray] = []
    ending = [-1] * len(features)
    for i, name in enumerate(graph.inputs):
        if lengths.get(name) is None:
            continue
        if i not in sequences:
            got = checks.batch(features[i])
            raise ValueError(f"lengths[{name!r}]: expected an input (batch, time, features), it is {got}")
        own = arrays.lengths(f"lengths[{name!r}]", lengths[name], count)
        same = [ending[k] for k in range(i) if ending[k] >= 0 and features[k][0] == features[i][0]]
        equal = [number for number in same if np.array_equal(found[number], own)]  # so that they can be joined
        ending[i] = equal[0] if equal else len(found)
        found += [] if equal else [own]
    return found, tuple(ending) if found else ()


def names(ending: Sequence[int], inputs: Sequence[str], sequences: set[int]) -> list[str]:
    """What errors call each array of lengths. ending: for each input the number of its array, or -1."""
    if max(ending, default=-1) == 0 and all(ending[i] == 0 for i in sequences):
        return ["lengths"]
    first = [ending.index(number) for number in range(max(ending, default=-1) + 1)]
    return [f"lengths[{inputs[i]!r}]" for i in first]


class Ends(NamedTuple):
    """How the lengths of an output follow from those of an input: the number of its array, and scales one by one."""

    number: int
    scales: tuple[Scale, ...]

    @classmethod
    def of(cls, buffer: Buffer, ports: Sequence[Port]) -> Ends | None:
        """Those of a buffer; None where its sequences have no lengths. ports: where lengths enter, in order."""
        if buffer.lengths is None:
            return None
        scales: list[Scale] = []
        source: Any = buffer.steps
        while isinstance(source, Call):
            scales += [source.options["scale"]] if "scale" in source.options else []
            source = source.arguments[0]
        return cls(list(ports).index(source), tuple(reversed(scales)))

    def real(self, lengths: Sequence[np.ndarray], rows: Any, times: int) -> np.ndarray:
        """Which of the output's steps exist, (rows, times)."""
        found: np.ndarray = lengths[self.number][rows].reshape(-1, 1)
        for multiply, add, divide in self.scales:
            found = (found * multiply + add) // divide
        real: np.ndarray = np.arange(times) < found
        return real
