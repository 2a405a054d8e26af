"""What a stream runs: the plan of a step, the plan of what is held, and what both keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.common import checks, free
from fastnn.data import arrays
from fastnn.engine.port import Port
from fastnn.inference.frozen import PREDICT, Snapshot
from fastnn.layers.held import followed
from fastnn.lowering.kept import Cache
from fastnn.lowering.lowering import Lowering
from fastnn.model.compiled import Compiled
from fastnn.model.entry import Entry, leave

Shape = tuple[int, ...]


class Stepping:
    """The plans of a number of streams of a network, and their state.

    step: the plan of a step; its ports are those of the inputs, by number in `inputs`, then of the outputs. held: the
    numbers of the other inputs, which enter the plan `first`: those that the outputs do not follow, and the given
    names. shapes: of each output at a step. ready: whether held inputs are known, if there are any.

    Raises ValueError for a network that cannot run step by step.
    """

    def __init__(
        self, net: Compiled, streams: int, snapshot: Snapshot, capacity: int | None, held: Sequence[str]
    ) -> None:
        self.net, self.streams, graph = net, streams, net.graph
        features = list(snapshot.features) or free.example(graph.shapes, net.features)
        for name in held:
            checks.known("held input", name, graph.inputs)
        self.features, steps = features, followed(graph) & graph.sequences(features)
        self.inputs = sorted(i for i in steps if graph.inputs[i] not in held)
        self.held = [i for i in range(len(graph.inputs)) if i not in self.inputs]
        if not self.inputs:
            raise ValueError("freeze: no input is a sequence that the outputs follow step by step; leave out streaming")
        lowering = Lowering(
            streams, snapshot.weights, seed=net.seed, derived=snapshot.derived, states=[], stepping=True,
            capacity=capacity,
        )  # fmt: skip
        entry = Entry(graph, lowering, features, PREDICT, check="unchecked", steps=set(self.inputs))
        outputs = graph.lower(lowering, entry.values, snapshot.weights, features)
        with lowering.named("predict"):
            results = [lowering.read(output).buffer for output in outputs]
            out = leave(lowering, "out", graph.output_names, results)
        lowering.run_closing()
        self.shapes: list[Shape] = [
            shape if buffer.steps is None else shape[1:]
            for shape, buffer in zip(graph.output_shapes(features), results, strict=True)
        ]
        self.kept = lowering.kept
        if net.free and not snapshot.features and (lowering.count is not None or self.held):
            takes = ", ".join(map(checks.batch, net.features))
            raise ValueError(f"freeze: the network takes {takes}: give the input_shape, with the most steps to be kept")
        if all(kept.held for kept in self.kept):
            raise ValueError("freeze: no layer of the network keeps anything from step to step; leave out streaming")
        if capacity is not None and lowering.count is None:
            raise ValueError("freeze: capacity is for layers that keep something of each step; this network has none")
        kept = [tensor for each in self.kept for tensor in each.tensors]
        lowering.calls[:0] = lowering.first_calls
        parts = [(len(lowering.calls), [*(entry.ports[i] for i in self.inputs), *out], kept)]
        self._ports: list[Port] = [entry.ports[i] for i in self.held]
        if self.held:
            parts.insert(0, (len(lowering.first_calls), self._ports, kept))
        *first, self.step = lowering.assemble_parts(parts)
        self._first, self.ready = first, not self.held

    @property
    def held_names(self) -> tuple[str, ...]:
        """The names of the held inputs."""
        return tuple(self.net.graph.inputs[i] for i in self.held)

    def need(self, action: str) -> None:
        """Raises RuntimeError where held inputs were not given yet."""
        if not self.ready:
            given = ", ".join(f"{name}=..." for name in self.held_names)
            raise RuntimeError(f"{action}: some inputs are the same at all steps; first give them, f.reset({given})")

    def begin(self, rows: np.ndarray, held: Mapping[str, Any]) -> None:
        """New sequences in these rows, with these held inputs, or if none are given, with those of before."""
        if held:
            self._hold(rows, held)
        self.need("reset")
        for each in self.kept:
            if not each.held:
                each.begin(rows)

    def _hold(self, rows: np.ndarray, held: Mapping[str, Any]) -> None:
        """Computes what follows from the inputs of these rows; a failure leaves all as it was."""
        if not self.held:
            raise TypeError(f"reset: the network has no inputs that are held, got {next(iter(held))!r}")
        checks.names("reset", held, self.held_names)
        if not self.ready and len(np.unique(rows)) < self.streams:
            raise ValueError(f"reset: give what is held of all {self.streams} streams first")
        given = [self._samples(i, held[self.net.graph.inputs[i]], len(rows)) for i in self.held]
        if not len(rows):
            return
        count = max(map(len, given))
        made = [each for each in self.kept if each.held]
        before = [each.tensor.array.copy() for each in made]
        try:
            for port, array in zip(self._ports, given, strict=True):
                port.attach(arrays.packed(np.broadcast_to(array, (count, *array.shape[1:]))))
            for plan in self._first:
                plan.run(count, count)
            after = [each.tensor.array[:count].copy() for each in made]
        finally:
            for port in self._ports:
                port.detach()
            for each, array in zip(made, before, strict=True):
                each.tensor.array[...] = array
        for each, array in zip(made, after, strict=True):
            each.tensor.array[rows] = array
        self.ready = True

    def _samples(self, i: int, given: Any, rows: int) -> np.ndarray:
        """The held input (rows, ...), or (1, ...) where it is one sample for all."""
        name, shape = self._ports[self.held.index(i)].name, self.features[i]
        array = arrays.ready(arrays.numbers(name, given))
        if array.shape == shape:
            return array[None]
        if array.shape != (rows, *shape):
            raise ValueError(
                f"{name}: expected {shape}, or for each of {rows} streams {(rows, *shape)}, got {array.shape}"
            )
        return array

    def select(self, rows: np.ndarray) -> None:
        """Stream i becomes what rows[i] was."""
        for each in self.kept:
            each.select(rows)

    def read(self) -> dict[str, np.ndarray]:
        """Copies of all that is kept, by name."""
        self.need("state")
        return {each.name: each.read() for each in self.kept}

    def checked(self, state: Any) -> dict[str, np.ndarray]:
        """A state that was read, as arrays. Raises TypeError and ValueError for one that does not fit."""
        if not isinstance(state, Mapping):
            raise TypeError(f"state: expected a dict of arrays by name, as f.state is, got {type(state).__name__}")
        checks.names("state", state, [each.name for each in self.kept])
        found = {name: arrays.numbers(f"state[{name!r}]", array) for name, array in state.items()}
        for each in self.kept:
            given = found[each.name]
            if not each.fits(given):
                raise ValueError(f"state[{each.name!r}]: expected {each.wanted}, got {given.shape}")
            if isinstance(each, Cache) and given.shape[1] < found["steps"].max():
                raise ValueError(f"state[{each.name!r}]: has {given.shape[1]} of {found['steps'].max()} steps")
        return found

    def write(self, state: Mapping[str, np.ndarray]) -> None:
        """Sets all that is kept to a state that fits."""
        for each in self.kept:
            each.write(state[each.name])
        self.ready = True

    def copy_from(self, other: Stepping) -> None:
        """Takes the state of as many streams of the same network."""
        for each, before in zip(self.kept, other.kept, strict=True):
            for tensor, source in zip(each.tensors, before.tensors, strict=True):
                tensor.array[...] = source.array
        self.ready = other.ready
