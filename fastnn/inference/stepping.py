"""What a stream runs: the plan of a step, the plan of what is held, and what both keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn.common import checks, free
from fastnn.common.free import Shape
from fastnn.data import arrays
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.inference.frozen import PREDICT, Snapshot
from fastnn.layers.held import followed
from fastnn.lowering.kept import Cache, Count, Kept
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value
from fastnn.model.compiled import Compiled
from fastnn.model.entry import Entry, leave, title


class Start(NamedTuple):
    """What runs at the start of sequences: a plan, its ports of held inputs and of lengths, and what it computes."""

    plan: Plan
    inputs: list[Port]
    lengths: list[Port]
    made: list[Kept]


class Stepping:
    """The plans of a number of streams of a network, and their state.

    step: the plan of a step; its ports are those of the inputs, by number in `inputs`, then of the outputs. held: the
    numbers of the other inputs, which enter the plan of a Start: those that the outputs do not follow, and the given
    names. shapes: of each output at a step. ready: whether held inputs are known, if there are any.

    Raises ValueError for a network that cannot run step by step.
    """

    def __init__(
        self, net: Compiled, streams: int, snapshot: Snapshot, capacity: int | None, held: Sequence[str]
    ) -> None:
        self.net, self.streams, self.snapshot, self.capacity, graph = net, streams, snapshot, capacity, net.graph
        for name in held:
            checks.known("held input", name, graph.inputs)
        self.features = list(snapshot.features) or free.example(graph.shapes, net.features)
        self.sequences = graph.sequences(self.features)
        steps = followed(graph) & self.sequences
        self.inputs = sorted(i for i in steps if graph.inputs[i] not in held)
        self.held = [i for i in range(len(graph.inputs)) if i not in self.inputs]
        for i in self.held:
            if graph.inputs[i] == "lengths":
                raise ValueError("freeze: an input that is held cannot be called 'lengths', which reset takes too")
        if not self.inputs:
            raise ValueError("freeze: no input is a sequence that the outputs follow step by step; leave out streaming")
        lowering, entry, outputs = self._lowered(())
        with lowering.named("predict"):
            results = [lowering.read(output).buffer for output in outputs]
            out = leave(lowering, "out", graph.output_names, results)
        lowering.run_closing()
        self.shapes: list[Shape] = [
            shape if buffer.steps is None else shape[1:]
            for shape, buffer in zip(graph.output_shapes(self.features), results, strict=True)
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
        self.step = lowering.assemble([*(entry.ports[i] for i in self.inputs), *out], kept)
        self._starts: dict[tuple[int, ...], Start] = {(): self._start(lowering, entry)} if self.held else {}
        self.ready = not self.held

    def _lowered(self, ending: tuple[int, ...]) -> tuple[Lowering, Entry, list[Value]]:
        """The layers of the network as calls. ending: which inputs have lengths, see Request."""
        snapshot, request = self.snapshot, PREDICT._replace(lengths=ending)
        lowering = Lowering(self.streams, snapshot.weights, seed=self.net.seed, derived=snapshot.derived)
        lowering.states, lowering.stepping, lowering.capacity = [], True, self.capacity
        steps = set(self.inputs)
        entry = Entry(self.net.graph, lowering, self.features, request, check="unchecked", steps=steps)
        return lowering, entry, self.net.graph.lower(lowering, entry.values, snapshot.weights, self.features)

    def _start(self, lowering: Lowering, entry: Entry) -> Start:
        """What the lowering computes once."""
        inputs, made = [entry.ports[i] for i in self.held], [each for each in lowering.kept if each.held]
        lowering.calls = lowering.first_calls
        plan = lowering.assemble([*inputs, *entry.lengths], [each.tensor for each in made])
        return Start(plan, inputs, entry.lengths, made)

    @property
    def held_names(self) -> tuple[str, ...]:
        """The names of the held inputs."""
        return tuple(self.net.graph.inputs[i] for i in self.held)

    def need(self, action: str) -> None:
        """Raises RuntimeError where held inputs were not given yet."""
        if not self.ready:
            given = ", ".join(f"{name}=..." for name in self.held_names)
            raise RuntimeError(f"{action}: some inputs are the same at all steps; first give them, f.reset({given})")

    def begin(self, rows: np.ndarray, held: Mapping[str, Any], lengths: Any) -> None:
        """New sequences in these rows, with these held inputs, or if none are given, with those of before."""
        if held:
            self._hold(rows, held, lengths)
        elif lengths is not None:
            raise ValueError("reset: lengths go with the held inputs that they are of")
        self.need("reset")
        for each in self.kept:
            if not each.held:
                each.begin(rows)

    def _hold(self, rows: np.ndarray, held: Mapping[str, Any], lengths: Any) -> None:
        """Computes what follows from the inputs of these rows; a failure leaves all as it was."""
        if not self.held:
            raise TypeError(f"reset: the network has no inputs that are held, got {next(iter(held))!r}")
        checks.names("reset", held, self.held_names)
        if not self.ready and len(np.unique(rows)) < self.streams:
            raise ValueError(f"reset: give what is held of all {self.streams} streams first")
        ending, ends = self._ends(lengths, len(rows))
        if ending not in self._starts:
            lowering, entry, outputs = self._lowered(ending)
            for output in outputs:
                lowering.read(output)
            self._starts[ending] = self._start(lowering, entry)
        start = self._starts[ending]
        given = [self._samples(i, held[self.net.graph.inputs[i]], len(rows)) for i in self.held]
        if not len(rows):
            return
        count = max(map(len, [*given, *ends]))
        mine = [each for each in self.kept if each.held]
        before = [each.tensor.array.copy() for each in mine]
        try:
            for each in start.made:
                if isinstance(each, Count):
                    each.tensor.array[...] = each.most  # where lengths are not given
            for port, array in zip([*start.inputs, *start.lengths], [*given, *ends], strict=True):
                port.attach(arrays.packed(np.broadcast_to(array, (count, *array.shape[1:]))))
            start.plan.run(count, count)
            after = [each.tensor.array[:count].copy() for each in start.made]
        finally:
            for port in start.plan.ports:
                port.detach()
            for each, array in zip(mine, before, strict=True):
                each.tensor.array[...] = array
        for each, array in zip(mine, after, strict=True):
            each.tensor.array[rows] = array
        self.ready = True

    def _samples(self, i: int, given: Any, rows: int) -> np.ndarray:
        """The held input (rows, ...), or (1, ...) where it is one sample for all."""
        name, shape = title("x", self.net.graph.inputs, i), self.features[i]
        array = arrays.ready(arrays.numbers(name, given))
        if array.shape == shape:
            return array[None]
        if array.shape != (rows, *shape):
            wanted = f"{shape}, or for each of {rows} streams {(rows, *shape)}"
            raise ValueError(f"{name}: expected {wanted}, got {array.shape}")
        return array

    def _ends(self, lengths: Any, rows: int) -> tuple[tuple[int, ...], list[np.ndarray]]:
        """For each input the number of its lengths, or -1, and the lengths: (rows,), or (1,) where one is for all."""
        if lengths is None:
            return (), []
        names = [self.net.graph.inputs[i] for i in self.held if i in self.sequences]
        if not isinstance(lengths, Mapping):
            if len(names) != 1:
                raise ValueError(
                    f"lengths: expected a dict by input, of {', '.join(names) or 'which none has lengths'}"
                )
            lengths = {names[0]: lengths}
        checks.names("lengths", lengths, names, some=True)
        ending, found = [-1] * len(self.features), list[np.ndarray]()
        for i in self.held:
            if (name := self.net.graph.inputs[i]) in lengths:
                array = arrays.ready(arrays.numbers(f"lengths[{name!r}]", lengths[name]))
                if array.shape not in ((), (rows,)):
                    wanted = f"a number of steps, or ({rows},), one for each stream"
                    raise ValueError(f"lengths[{name!r}]: expected {wanted}, got {array.shape}")
                ending[i] = len(found)
                found.append(array.reshape(-1))
        return tuple(ending) if found else (), found

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
