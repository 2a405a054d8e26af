"""Parts of a graph: what leads from some of its places to others."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.layers.graph import Graph


def place(graph: Graph, name: str) -> int:
    """The place of an input, of a layer's output or of the network's. Raises ValueError unless there is just one."""
    named = [
        *enumerate(graph.titles),
        *((at, title) for node in graph.nodes for at, title in zip(node.places, node.titles, strict=True)),
    ]
    found = {at for at, title in named if title == name}
    if len(found) != 1:
        known = ", ".join(dict.fromkeys(title for _, title in named))
        problem = f"{name!r} is at several places" if found else f"unknown layer {name!r}"
        raise ValueError(f"{problem}; known: {known}")
    return found.pop()


def part(graph: Graph, outputs: Sequence[int], given: Sequence[int] | None = None) -> Graph:
    """What leads to these places from the places that are given: None for the inputs that they need.

    Its layers keep their names. Raises ValueError for an input that is needed, and not given.
    """
    makers = {place: node for node in graph.nodes for place in node.places}
    needed, waiting = set[int](), list(outputs)
    while waiting:
        at = waiting.pop()
        if at not in needed and at not in (given or ()):
            needed.add(at)
            waiting += makers[at].sources if at in makers else ()
    entries = needed.intersection(range(len(graph.inputs)))
    if given is not None and entries:
        raise ValueError(f"the outputs need the input {graph.inputs[min(entries)]!r} too")
    inputs = sorted(entries) if given is None else list(given)
    places, end = {at: i for i, at in enumerate(inputs)}, len(inputs)
    steps = []
    for node in graph.nodes:
        if needed.intersection(node.places):
            steps.append((node.layer, [places[source] for source in node.sources]))
            for at in node.places:
                places.setdefault(at, end + at - node.places.start)
            end += len(node.places)
    titles, layers = graph.titles, {layer: name for name, layer in graph.layers.items()}
    names = [titles[at].replace(".", "_") for at in inputs]
    return Graph(names, steps, [places[at] for at in outputs], [titles[at] for at in outputs], layers)
