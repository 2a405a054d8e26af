"""Inside a network: what its layers give, where a picture's class comes from (Grad-CAM), gradients over time."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.layers import Activation, Layer
from fastnn.layers.base import called
from fastnn.layers.symbol import Input, Symbol
from fastnn.lowering.backward import ROW_WISE
from fastnn.model.assembly import Assembly
from fastnn.model.subnetwork import Subnetwork
from fastnn.network import Network

Shape = tuple[int, ...]

#: Endings of a classifier, without which the scores of its classes are left.
ENDINGS = (*ROW_WISE, "sigmoid")


@dataclass(eq=False, repr=False)
class Step:
    """A layer at one of its places, sub-networks taken apart: its full name, the places it takes, its parameters."""

    name: str
    layer: Layer
    sources: list[int]
    weights: dict[str, np.ndarray]
    shape: Shape


class Steps:
    """All layers of a network in the order in which they run; inputs have the places 0, 1, ..., layers those after."""

    def __init__(self, net: Assembly) -> None:
        self.shapes: list[Shape] = list(net.features)
        self.inputs = len(self.shapes)
        self.steps: list[Step] = []
        self.outputs = self._visit(net, list(range(self.inputs)), "")

    def _visit(self, net: Assembly, places: list[int], prefix: str) -> list[int]:
        weights = dict(net.weights)
        for node in net.graph.nodes:
            sources = [places[source] for source in node.sources]
            if isinstance(node.layer, Subnetwork):
                places.append(self._visit(net.inner()[node.name], sources, f"{prefix}{node.name}.")[0])
                continue
            shape = node.layer.shape_for([self.shapes[source] for source in sources])
            begin = f"{node.name}."
            own = {name.removeprefix(begin): view for name, view in weights.items() if name.startswith(begin)}
            self.steps.append(Step(prefix + node.name, node.layer, sources, own, shape))
            self.shapes.append(shape)
            places.append(len(self.shapes) - 1)
        return [places[output] for output in net.graph.outputs]

    def place(self, name: str) -> int:
        """Of the layer's (last) output. Raises ValueError for a name that no layer has."""
        names = [step.name for step in self.steps]
        if name not in names:
            raise ValueError(f"unknown layer {name!r}; known: {', '.join(dict.fromkeys(names))}")
        return self.inputs + len(names) - 1 - names[::-1].index(name)

    def part(self, given: Sequence[int], wanted: int, scores: bool = False) -> Network:
        """The network between these places, with a copy of the parameters; none of them is trained.

        scores: it computes without the activation that ends a classifier, and as it predicts when it trains.
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
            symbols[place] = called(made[at][0], [symbols[source] for source in step.sources])
        net = Network([symbols[place] for place in given], symbols[wanted], seed=0)
        names = {layer: name for name, layer in net.graph.layers.items()}
        for layer, step in made.values():
            for key, view in step.weights.items():
                net.weights[f"{names[layer]}.{key}"] = view
        return net


def _twin(layer: Layer, still: bool, last: bool) -> Layer:
    """A layer of the same settings, without a name; still: not trained, and without what acts in training alone."""
    if still and layer.trains_only:
        return Activation("identity")
    twin = copy.copy(layer)
    object.__setattr__(twin, "name", None)
    if still:
        twin.trainable = False
    if last and getattr(layer, "activation", None) in ENDINGS:
        object.__setattr__(twin, "activation", "identity")
    return twin


def layers(net: Network) -> dict[str, Shape]:
    """The names of all layers, those of sub-networks after a dot, and the shapes of what they give, without the batch.

    Raises RuntimeError for a network that is not built.
    """
    _check(net)
    return {step.name: step.shape for step in Steps(net).steps}


def outputs(net: Network, layer: str, x: Any) -> np.ndarray:
    """What a layer gives for x, as in predict: float32 (batch, ...). layer: a name among `layers(net)`.

    For several inputs x is as for predict. Raises ValueError and TypeError as predict, and for an unknown layer.
    """
    _check(net)
    steps, given = Steps(net), net.samples(x)[0]
    place = steps.place(layer)
    used = _used(steps, place)
    part = steps.part(used, place)
    arrays = [given[i] for i in used]
    found: np.ndarray = part.predict(arrays[0] if len(arrays) == 1 else arrays)
    return found


def grad_cam(net: Network, picture: Any, label: int | None = None, layer: str | None = None) -> np.ndarray:
    """Where in a picture the class comes from: float32 (height, width), from 0 to 1.

    relu(sum_k a_k A_k), A_k the maps of a layer (h, w, k), a_k the mean over all pixels of the gradient of the class's
    score, before softmax or sigmoid, with respect to A_k; enlarged to the picture's size, and divided by its maximum (a
    map without a positive value is all 0). Selvaraju et al. 2017, equations 1 and 2.
    picture: (height, width, channels). label: the class; None takes the one that is predicted; of one output, 1 or 0.
    layer: a name among `layers(net)`; None takes the last one that gives maps of more than one pixel.
    Raises ValueError for a network that does not classify pictures, a picture of another shape or with a pixel that is
    not finite, a layer that gives no maps, an unknown label.
    """
    _check(net)
    if len(net.features) != 1 or len(net.features[0]) != 3 or len(net.shapes) != 1 or len(net.shapes[0]) != 1:
        raise ValueError("grad_cam: the network must take pictures (height, width, channels) and give (classes,)")
    steps, x = Steps(net), one("grad_cam", net, picture)
    if not np.isfinite(x).all():
        raise ValueError("grad_cam: the picture has pixels that are not finite")
    place = _maps(steps) if layer is None else steps.place(layer)
    if len(steps.shapes[place]) != 3:
        raise ValueError(f"grad_cam: {layer} gives {steps.shapes[place]}, no maps (height, width, channels)")
    wanted = steps.outputs[0]
    beside = _beside(steps, place, wanted)
    values = [steps.part([0], at).predict(x) if at else x for at in (place, *beside)]
    head = steps.part([place, *beside], wanted, scores=True)
    head._set(frozen=head.untrained())  # so that BatchNorm goes by its running statistics
    scores = head.forward(values if beside else values[0], training=True)
    dy = np.zeros_like(scores)
    if scores.shape[1] == 1:
        kind = int(scores[0, 0] >= 0) if label is None else checks.integer("grad_cam: label", label, 0, 1)
        dy[0, 0] = 2 * kind - 1
    else:
        last = scores.shape[1] - 1
        dy[0, scores.argmax() if label is None else checks.integer("grad_cam: label", label, 0, last)] = 1
    gradient = head.backward(dy, parameters=False)
    slopes = (gradient["input_0"] if beside else gradient)[0].mean(axis=(0, 1))
    heat = np.maximum(values[0][0] @ slopes, 0)
    heat = _enlarged(_enlarged(heat, x.shape[1]).T, x.shape[2]).T
    return np.asarray(heat / heat.max() if heat.max() > 0 else heat, np.float32)


def one(name: str, net: Network, picture: Any) -> np.ndarray:
    """A picture as the network's batch of one. name: what errors begin with."""
    _check(net)
    if len(net.features) != 1:
        raise ValueError(f"{name}: the network must take one input, not {len(net.features)}")
    array, (features,) = arrays.numbers(f"{name}: picture", picture), net.features
    if array.shape != features:
        turned = *features[-1:], *features[:-1]
        right = {(*array.shape[:1], *features): "picture[0]", turned: "picture.transpose(1, 2, 0)"}
        if features[-1] == 1:
            right[features[:-1]] = "picture[..., None]"
        hint = f"; give {right[array.shape]}" if array.shape in right else ""
        raise ValueError(f"{name}: expected a picture {features}, got {array.shape}{hint}")
    return arrays.ready(array[None])


def gradient_over_time(net: Network, x: Any, y: Any) -> np.ndarray:
    """How much the loss depends on each step of the input: norms_t = mean_n |dL_n / dx_nt|, float64 (time,).

    L_n is the loss of sequence n, x_nt its features at step t; | | is the Euclidean norm. Each step that lies between
    x_t and the loss multiplies the gradient by a Jacobian: where their norms are below 1 it vanishes exponentially with
    the distance, above 1 it may explode. x (batch, time, features), y and the passes as in `net.gradient`, by which the
    network does not change.
    Raises ValueError for a network of several inputs, of ids, or of no sequences, else as `train_on_batch`. Hochreiter
    1991; Bengio, Simard & Frasconi 1994, section III.
    """
    found, _ = net.gradient(x, y)
    if isinstance(found, dict) or found.ndim != 3 or net.graph.vocabulary(0):
        raise ValueError("gradient_over_time: the network must take one input of numbers (batch, time, features)")
    # The loss of a batch is the mean over its sequences.
    norms: np.ndarray = np.linalg.norm(found.astype(np.float64) * len(found), axis=2).mean(axis=0)
    return norms


def _check(net: Network) -> None:
    if not net.features:
        raise RuntimeError("the network is not built: give it an input_shape, or data")


def _used(steps: Steps, place: int) -> list[int]:
    """The inputs that lead to a place."""
    found, waiting = set(), [place]
    while waiting:
        at = waiting.pop()
        if at < steps.inputs:
            found.add(at)
        else:
            waiting += steps.steps[at - steps.inputs].sources
    return sorted(found)


def _maps(steps: Steps) -> int:
    """The last place of maps of more than one pixel."""
    for place in reversed(range(steps.inputs, len(steps.shapes))):
        shape = steps.shapes[place]
        if len(shape) == 3 and shape[0] * shape[1] > 1:
            return place
    raise ValueError("grad_cam: no layer gives maps (height, width, channels)")


def _beside(steps: Steps, place: int, wanted: int) -> list[int]:
    """What comes before a place and is taken by layers after it, on the way to the output."""
    needed, waiting = {place}, [wanted]
    after = {place}
    for at in range(place + 1, len(steps.shapes)):
        if any(source in after for source in steps.steps[at - steps.inputs].sources):
            after.add(at)
    beside = set()
    while waiting:
        at = waiting.pop()
        if at not in after:
            beside.add(at)
        elif at not in needed:
            needed.add(at)
            waiting += steps.steps[at - steps.inputs].sources
    return sorted(beside)


def _enlarged(x: np.ndarray, size: int) -> np.ndarray:
    """x (rows, columns) with `size` rows, linearly between the middles of rows."""
    places = (np.arange(size) + 0.5) * len(x) / size - 0.5
    return np.stack([np.interp(places, np.arange(len(x)), column) for column in x.T], axis=1)
