"""Graph: layers and how values flow through them, in topological order."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from fastnn.common import checks
from fastnn.common.free import Shape
from fastnn.layers.base import Layer, Parameter, snake_case
from fastnn.layers.symbol import Symbol
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value

Key = TypeVar("Key")

#: Layers of a network, counted at each place: sub-networks that are each twice in the next one double it every time.
LARGEST = 100_000
#: The deepest nesting of networks.
DEEPEST = 100


@dataclass(eq=False, repr=False)
class Node:
    """A layer at one of its places: its name, the places of its inputs, and those of its outputs."""

    name: str
    layer: Layer
    sources: tuple[int, ...]
    places: range

    @property
    def titles(self) -> list[str]:
        """The names of its outputs: its own, if there is one."""
        return [f"{self.name}.{output}" if len(self.places) > 1 else self.name for output in self.layer.output_titles]


class Graph:
    """Inputs, nodes and outputs. The inputs have places 0, 1, ..., the outputs of the nodes those after them.

    steps: each node's layer and sources. A layer that occurs twice is shared: one set of parameters. layers: each once,
    by name. names: those of the outputs; None for their layers' names. known: the layers' names, if they are not to be
    made here. Raises ValueError for a cycle, two layers of one name, or a value that leads nowhere.
    """

    def __init__(
        self,
        inputs: Iterable[str],
        steps: Sequence[tuple[Layer, Sequence[int]]],
        outputs: Sequence[int],
        names: Sequence[str] | None = None,
        known: Mapping[Layer, str] | None = None,
    ) -> None:
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.names = None if names is None else tuple(names)
        called = _named(list(dict.fromkeys(layer for layer, _ in steps))) if known is None else known
        self.layers = {called[layer]: layer for layer, _ in steps}
        self.size = sum(layer.layer_count for layer, _ in steps)
        if self.size > LARGEST:
            raise ValueError(f"{self.size} layers, counting sub-networks wherever they are used; at most {LARGEST}")
        self.nesting = 1 + max((layer.nesting for layer, _ in steps), default=0)
        if self.nesting > DEEPEST:
            raise ValueError(f"{self.nesting} networks are nested in one another; at most {DEEPEST}")
        self.nodes: list[Node] = []
        end = len(self.inputs)
        for layer, sources in steps:
            start, end = end, end + len(layer.output_titles)
            self.nodes.append(Node(called[layer], layer, tuple(sources), range(start, end)))
        used = self._checked()
        for node in self.nodes:
            node.layer = node.layer.using([i for i, place in enumerate(node.places) if place in used])

    @classmethod
    def chain(cls, layers: Sequence[Layer]) -> Graph:
        """Layers, each on the output of the one before."""
        if len(set(layers)) < len(layers):
            raise ValueError("a layer occurs twice; make a separate one for each place")
        several = next((layer for layer in layers if len(layer.output_titles) > 1), None)
        if several is not None:
            raise ValueError(
                f"{several.title()} has several outputs: {', '.join(several.output_titles)}; use fnn.Network"
            )
        return cls(["input_0"], [(layer, (i,)) for i, layer in enumerate(layers)], [len(layers)])

    @classmethod
    def between(cls, inputs: Sequence[Symbol], outputs: Sequence[Symbol], titles: Sequence[str] | None = None) -> Graph:
        """What leads from the inputs to the outputs, which have these names, if any.

        A deterministic layer that is called twice on the same values has one place for both. Raises ValueError for an
        input that is needed, and not given.
        """
        names = [symbol.name or f"input_{i}" for i, symbol in enumerate(inputs)]
        places = {symbol: i for i, symbol in enumerate(inputs)}  # of inputs, and of the first outputs of calls
        if len(places) < len(inputs) or len(set(names)) < len(inputs):
            raise ValueError(f"two inputs are the same, or have the same name: {', '.join(names)}")
        steps: list[tuple[Layer, tuple[int, ...]]] = []
        made: dict[tuple[Layer, tuple[int, ...]], int] = {}  # the places of those that are deterministic
        waiting, end = [symbol.first for symbol in reversed(outputs)], len(inputs)
        while waiting:  # no recursion: a chain may be longer than Python's stack
            symbol = waiting[-1]
            missing = [source.first for source in symbol.sources if source.first not in places]
            if symbol in places or not missing:
                waiting.pop()
                if symbol not in places:
                    if symbol.layer is None:
                        known = ", ".join(names)
                        raise ValueError(f"the outputs need {symbol!r}, which is not among the inputs: {known}")
                    layer = cast(Layer, symbol.layer)
                    step = layer, tuple(places[source.first] + source.index for source in symbol.sources)
                    places[symbol] = made.get(step, end)
                    if places[symbol] == end:
                        end += len(layer.output_titles)
                        steps.append(step)
                        if layer.deterministic:
                            made[step] = places[symbol]
            else:
                waiting.extend(reversed(missing))
        for symbol in places.keys() - {symbol.first for symbol in outputs}:
            lost = [each for each in symbol.consumers if each not in places and not each.consumers]
            if lost:
                warnings.warn(f"{lost[0]!r} leads to no output, and is not part of the network", stacklevel=4)
        return cls(names, steps, [places[symbol.first] + symbol.index for symbol in outputs], titles)

    @property
    def titles(self) -> list[str]:
        """The names of all places."""
        named = [*self.inputs, *(title for node in self.nodes for title in node.titles)]
        for place, name in zip(self.outputs, self.names or (), strict=False):
            named[place] = name
        return named

    def _checked(self) -> set[int]:
        """The places that are used. Raises ValueError where the graph is not one."""
        used = set(self.outputs)
        for node in self.nodes:
            for source in node.sources:
                if not 0 <= source < node.places.start:
                    raise ValueError(f"a cycle: {node.name} reads the value at place {source}, which comes after it")
                used.add(source)
        lost = [name for place, name in enumerate(self.inputs) if place not in used]
        lost += [node.name for node in self.nodes if used.isdisjoint(node.places)]
        if lost:
            raise ValueError(f"{lost[0]} leads nowhere: no layer uses it, and it is not an output")
        end = self.nodes[-1].places.stop if self.nodes else len(self.inputs)
        for place in self.outputs:
            if not len(self.inputs) <= place < end:
                raise ValueError("an output must be made by a layer")
        if len(set(self.outputs)) < len(self.outputs):
            raise ValueError(f"two outputs are the same value: {', '.join(self.output_names)}")
        made = Counter(self.output_names)
        twice = [name for name, count in made.items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]} makes two outputs, which need names: give a dict of the outputs by name")
        return used

    @cached_property
    def output_names(self) -> list[str]:
        """Those of the outputs: given, or of the layers that make them."""
        if self.names is not None:
            return list(self.names)
        made = {place: title for node in self.nodes for place, title in zip(node.places, node.titles, strict=True)}
        return [made[place] for place in self.outputs]

    def is_chain(self) -> bool:
        """Whether each layer's input is the output of the one before, and none occurs twice."""
        return len(self.inputs) == 1 and all(node.sources == (i,) for i, node in enumerate(self.nodes))

    def shapes(self, features: Sequence[Shape]) -> list[Shape]:
        """The shape at each place for inputs (batch, *features). Raises ValueError where a layer does not fit."""
        shapes = list(features)
        for node in self.nodes:
            shapes += node.layer.shapes_for([shapes[source] for source in node.sources])
        return shapes

    def enter(self, features: Sequence[Shape]) -> None:
        """Lets each layer that gets the data unchanged, or in the same shape, check their layout."""
        data = dict(enumerate(features))
        for node in self.nodes:
            if all(source in data for source in node.sources):
                given = [data[source] for source in node.sources]
                node.layer.enter(node.layer.given(given))
                if len(given) == len(node.places) == 1 and node.layer.shapes_for(given) == given:
                    data[node.places.start] = given[0]

    @property
    def deterministic(self) -> bool:
        """Whether all layers are."""
        return all(layer.deterministic for layer in self.layers.values())

    @property
    def recurrent(self) -> bool:
        """Whether one of the layers is."""
        return any(layer.recurrent for layer in self.layers.values())

    def vocabulary(self, place: int) -> int | None:
        """The number of ids of the input at this place, where all layers that read it need ids; else None."""
        found: set[int | None] = {None} if place in self.outputs else set()
        for node in self.nodes:
            found |= {node.layer.vocabulary_of(i) for i, source in enumerate(node.sources) if source == place}
        return None if None in found else min(size for size in found if size is not None)

    def sequences(self, features: Sequence[Shape]) -> set[int]:
        """The places of the inputs that are sequences: (time, features), ids (time,), if more than one, or read so."""
        ranks = [2 if self.vocabulary(place) is None else 1 for place in range(len(features))]
        stepped = {source for node in self.nodes for source in node.sources if node.layer.reads_steps}
        found = {place for place, shape in enumerate(features) if place in stepped or len(shape) == ranks[place]}
        return {place for place in found if features[place] != (1,)} or found

    def times(self, features: Sequence[Shape]) -> int:
        """The steps of the inputs that are sequences.

        Raises ValueError where there are none, or their numbers of steps differ.
        """
        times = {features[place][0] for place in self.sequences(features)}
        if len(times) != 1:
            got = ", ".join(f"{name} {checks.batch(shape)}" for name, shape in zip(self.inputs, features, strict=True))
            raise ValueError(
                f"lengths are for sequences (batch, time, features) of the same number of steps, or a dict by input; "
                f"inputs: {got}"
            )
        return times.pop()

    def output_shapes(self, features: Sequence[Shape]) -> list[Shape]:
        """The shapes of the outputs."""
        shapes = self.shapes(features)
        return [shapes[place] for place in self.outputs]

    def wanted(self, features: Sequence[Shape]) -> dict[str, Parameter]:
        """The parameters, by "layer.parameter". Raises ValueError where a shared layer's places differ in them."""
        shapes = self.shapes(features)
        wanted: dict[str, Parameter] = {}
        first: dict[str, dict[str, Shape]] = {}
        for node in self.nodes:
            given = [shapes[source] for source in node.sources]
            parameters = node.layer.wanted(given)
            sizes = {key: parameter.shape for key, parameter in parameters.items()}
            before = first.setdefault(node.name, {})
            if any(before.get(key, size) != size for key, size in sizes.items()):
                raise ValueError(
                    f"{node.name}: a shared layer has one set of parameters, {before}; for inputs {given} they would "
                    f"be {sizes}"
                )
            before |= sizes
            for key, parameter in parameters.items():
                wanted.setdefault(f"{node.name}.{key}", parameter)
        for node in self.nodes:
            for path, shape in node.layer.borrowed([shapes[source] for source in node.sources]).values():
                if path not in wanted:
                    raise ValueError(f"{node.name}: the network has no {path}; known: {', '.join(wanted)}")
                if wanted[path].shape != shape:
                    raise ValueError(f"{node.name}: {path} is {wanted[path].shape}; expected {shape}")
        return wanted

    def lower(
        self,
        lowering: Lowering,
        inputs: Sequence[Value],
        weights: Mapping[str, Weight],
        features: Sequence[Shape],
        fused: Sequence[tuple[str | None, ...]] = (),
    ) -> list[Value]:
        """Emits the forward Ops and registers the backward; returns the outputs.

        fused: for each output the activations that its loss fuses, so that it reads the logits.
        """
        shapes, own = self.shapes(features), _by_layer(weights)
        uses = Counter([*self.outputs, *(source for node in self.nodes for source in node.sources)])
        endings = dict(zip(self.outputs, fused, strict=False))
        free = [lowering.fork(value, uses[place]) for place, value in enumerate(inputs)]  # one for each use
        for node in self.nodes:
            taken = [free[source].pop(0) for source in node.sources]
            for value, source in zip(taken, node.sources, strict=True):
                value.shape = shapes[source]
            held = all(value.held for value in taken)
            with lowering.named(node.name), lowering.turn(taken):
                if not (node.layer.stepwise or (lowering.stepping and node.layer.remembers)):
                    taken = [lowering.whole(value) for value in taken]
                borrowed = node.layer.borrowed([shapes[source] for source in node.sources])
                needed = {**own.get(node.name, {}), **{key: weights[path] for key, (path, _) in borrowed.items()}}
                values = node.layer.lower_all(lowering, node.layer.given(taken), needed, lowering.stream())
                for place, made in zip(node.places, values, strict=True):
                    if made is None:
                        free.append([])
                        continue
                    made.shape, made.held = shapes[place], held
                    if uses[place] > 1 and made.pending in endings.get(place, ()):
                        logits, value = lowering.fork(made, 2, logits=True)
                        free.append([*lowering.fork(value, uses[place] - 1), logits])
                    else:
                        free.append(lowering.fork(made, uses[place]))
        return [free[place].pop() for place in self.outputs]


def _by_layer(weights: Mapping[str, Weight]) -> dict[str, dict[str, Weight]]:
    layers: dict[str, dict[str, Weight]] = {}
    for name, weight in weights.items():
        layer, _, key = name.partition(".")
        layers.setdefault(layer, {})[key] = weight
    return layers


def numbered(layers: Mapping[Key, Layer]) -> dict[Key, str]:
    """The names that layers without one get, for each of these: the class in snake case and a number per class."""
    counts: Counter[str] = Counter()
    names: dict[Key, str] = {}
    for key, layer in layers.items():
        stem = snake_case(layer.kind)
        names[key] = f"{stem}_{counts[stem]}"
        counts[stem] += 1
    return names


def _named(layers: Sequence[Layer]) -> dict[Layer, str]:
    """The layers' names: their own, or those by number."""
    names: dict[Layer, str] = {}
    taken = set()
    usual = numbered({layer: layer for layer in layers})
    for layer in layers:
        name = layer.name or usual[layer]
        if name in taken:
            raise ValueError(f"two layers are called {name!r}; give each its own name=")
        names[layer] = name
        taken.add(name)
    return names
