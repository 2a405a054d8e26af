"""Which inputs of a graph go step by step, and which are held: the same at all steps of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn.layers.graph import Graph


def followed(graph: Graph) -> set[int]:
    """The numbers of the inputs that the outputs follow step by step, if they are sequences.

    The others are reached only where a layer needs all of a value at each step.
    """
    places = set(graph.outputs)
    for node in reversed(graph.nodes):
        if not places.isdisjoint(node.places):
            whole = node.layer.read_whole(len(node.sources))
            places.update(source for i, source in enumerate(node.sources) if i not in whole)
    return places & set(range(len(graph.inputs)))
