"""A network as the list of layers that it runs, and networks made of a part of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fastnn.common.free import Shape
from fastnn.layers import Activation, Layer
from fastnn.layers.composite import Compound
from fastnn.layers.input import Input
from fastnn.layers.recurrence import Recurrent
from fastnn.layers.symbol import Symbol
from fastnn.lowering.backward import ROW_WISE
from fastnn.model.assembly import Assembly
from fastnn.model.subnetwork import Subnetwork
from fastnn.network import Network

#: The output activations of a classifier; their inputs are the scores of the classes.
ENDINGS = (*ROW_WISE, "sigmoid")


@dataclass(eq=False, repr=False)
class Step:
    """A layer at one place of a flattened network: its full name, the places of its inputs, its parameters."""

    name: str
    layer: Layer
    sources: list[int]
    weights: dict[str, np.ndarray]
    shape: Shape


class Steps:
    """All layers of a network, sub-networks flattened, in the order in which they run.

    A place is the number of a value: the inputs have 0, 1, ..., the layers' outputs the numbers after.
    """

    def __init__(self, net: Assembly) -> None:
        self.shapes: list[Shape] = net.sizes("inspection")
        self.inputs = len(self.shapes)
        self.steps: list[Step] = []
        self.outputs = self._visit(net, list(range(self.inputs)), "")

    def _visit(self, net: Assembly, places: list[int], prefix: str) -> list[int]:
        weights = dict(net.weights)
        for node in net.graph.nodes:
            sources = [places[source] for source in node.sources]
            if isinstance(node.layer, Subnetwork):
                places += self._visit(net.inner()[node.name], sources, f"{prefix}{node.name}.")
                continue
            shape = node.layer.shape_for([self.shapes[source] for source in sources])
            begin = f"{node.name}."
            own = {name.removeprefix(begin): view for name, view in weights.items() if name.startswith(begin)}
            self.steps.append(Step(prefix + node.name, node.layer, sources, own, shape))
            self.shapes.append(shape)
            places.append(len(self.shapes) - 1)
        return [places[output] for output in net.graph.outputs]

    def place(self, name: str) -> int:
        """The place of the layer's (last) output. Raises ValueError for an unknown name."""
        names = [step.name for step in self.steps]
        if name not in names:
            raise ValueError(f"unknown layer {name!r}; known: {', '.join(dict.fromkeys(names))}")
        return self.inputs + len(names) - 1 - names[::-1].index(name)

    def part(self, given: Sequence[int], wanted: int, scores: bool = False) -> Network:
        """The network between these places, with a copy of the parameters; none of them is trained.

        scores: without a classifier's output activation, and in training with the behaviour of prediction.
        """
        needed, waiting = set(given), [wanted]
        while waiting:
            place = waiting.pop()
            if place not in needed:
                needed.add(place)
                waiting += self.steps[place - self.inputs].sources
        symbols: dict[int, Symbol] = {place: Input(self.shapes[place]) for place in given}
        made: dict[tuple[Layer, bool], tuple[Layer, Step]] = {}
        for place in sorted(needed - set(given)):
            step = self.steps[place - self.inputs]
            at = step.layer, scores and place == wanted  # a shared layer keeps its activation at its other places
            if at not in made:
                made[at] = _twin(step.layer, scores, last=at[1]), step
            symbols[place] = made[at][0]([symbols[source] for source in step.sources])
        net = Network([symbols[place] for place in given], symbols[wanted], seed=0)
        names = {layer: name for name, layer in net.graph.layers.items()}
        for layer, step in made.values():
            for key, view in step.weights.items():
                net.weights[f"{names[layer]}.{key}"] = view
        return net


def _twin(layer: Layer, still: bool, last: bool) -> Layer:
    """A layer of the same settings without a name; still: not trained, and identity if it acts in training only."""
    if still and layer.trains_only:
        return Activation("identity")
    twin = copy.copy(layer)
    object.__setattr__(twin, "name", None)
    object.__setattr__(twin, "owner", None)
    if still:
        twin.trainable = False
    inner = isinstance(layer, (Recurrent, Compound))  # whose activation is inside, and not what is done last
    if last and not inner and getattr(layer, "activation", None) in ENDINGS:
        object.__setattr__(twin, "activation", "identity")
    return twin
