"""What data a network takes: the shapes of its inputs, some axes of which may have any length, and of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.common import checks, free
from fastnn.common.free import Pattern, Shape
from fastnn.data import arrays
from fastnn.engine.port import is_batch
from fastnn.layers.base import Parameter
from fastnn.layers.graph import Graph
from fastnn.model.request import Request

#: The shapes that are remembered: more than a loader meets again and again.
MOST_KNOWN = 4096


class Inputs:
    """The inputs and outputs of a network.

    features, shapes: of a sample of each input and output, empty before the build. free: whether an input has axes of
    any length, which are None in its shape; a call decides them.
    """

    graph: Graph
    features: list[Pattern]
    shapes: list[Pattern]
    free: bool
    input_shape: Any
    output_shape: Any
    _known: dict[tuple[Shape, ...], list[Shape]]  # the outputs' shapes for inputs with free axes

    def entering(self, features: Sequence[Pattern]) -> None:
        """Lets the first layers check the layout of data of these shapes, where that is known."""
        if not free.is_free(features):
            self.graph.enter([free.fixed(each, 0) for each in features])

    def samples(self, x: Any, empty: bool = False) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
        """An array for each input, and the output shapes for them; nothing is built yet.

        empty: whether an array without samples is accepted, where the network is built.
        """
        names = self.graph.inputs
        if len(names) > 1:
            found = arrays.joint_samples(x, names, self.features, empty)
            return found, self.shapes_for(found)
        if self.features and is_batch(x, self.features[0]):  # the usual form, and the fastest
            return [x], self.shapes_for([x])
        title = self.graph.nodes[0].layer.title()
        if self.features:
            found = [arrays.samples(x, self.features[0], title, empty=empty)]
            return found, self.shapes_for(found)
        array = arrays.numbers("x", x)
        if array.ndim < 2 or not array.size:
            raise ValueError(f"x: expected samples (batch, ...), got shape {array.shape}")
        features = checks.shape("x.shape[1:]", array.shape[1:])
        return [arrays.samples(x, features, title)], self.graph.output_shapes([features])

    def shapes_for(self, inputs: Sequence[np.ndarray]) -> list[Shape]:
        """The shapes of the outputs for these arrays. Raises ValueError where a layer does not fit their lengths."""
        if not self.free:
            return self.shapes  # type: ignore[return-value]  # numbers alone
        features = tuple(array.shape[1:] for array in inputs)
        if features not in self._known:
            if len(self._known) == MOST_KNOWN:
                self._known.clear()
            self._known[features] = self.graph.output_shapes(features)
        return self._known[features]

    def at(self, request: Request, inputs: Sequence[np.ndarray]) -> Request:
        """The request for inputs of these lengths, where they are free."""
        return request._replace(features=tuple(array.shape[1:] for array in inputs)) if self.free else request

    def sizes(self, what: str) -> list[Shape]:
        """The shapes of the inputs. what: needs them, for the error. Raises ValueError where axes are free."""
        if self.free:
            takes = ", ".join(map(checks.batch, self.features))
            raise ValueError(f"{what}: needs a network whose inputs have shapes of numbers alone, this takes {takes}")
        return [free.fixed(each, 0) for each in self.features]

    def chosen(self, input_shape: Any, verb: str) -> tuple[Shape, ...]:
        """The shapes that are given for one plan; () where no axis is free. Raises ValueError where they do not fit."""
        names = self.graph.inputs
        if not self.free:
            if input_shape is not None:
                raise ValueError(f"{verb}: input_shape is for networks with axes of any length; leave it out")
            return ()
        if input_shape is None:
            wanted = ", ".join(map(checks.batch, self.features))
            raise ValueError(f"{verb}: the network takes {wanted}: give the input_shape that is meant")
        shapes = [checks.shape("input_shape", each) for each in arrays.parted("input_shape", input_shape, names)]
        for shape, pattern in zip(shapes, self.features, strict=True):
            if not free.fits(shape, pattern):
                raise ValueError(f"{verb}: expected an input_shape that fits {pattern}, got {shape}")
        self.graph.shapes(shapes)
        return tuple(shapes)


def wanted(graph: Graph, features: Sequence[Pattern]) -> dict[str, Parameter]:
    """The parameters for inputs of these shapes. Raises ValueError where they would depend on a free axis."""
    if not free.is_free(features):
        return graph.wanted([free.fixed(each, 0) for each in features])
    first, *_, last = free.answers(graph.wanted, free.at_lengths(features)).values()
    for name, parameter in first.items():
        if last[name].shape != parameter.shape:
            layer = name.rpartition(".")[0]
            raise ValueError(
                f"{layer}: its parameters would depend on the length of a free axis, None in the shape; "
                "pool first (GlobalAvgPool, say), or give Input a number"
            )
    return first
