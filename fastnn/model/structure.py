"""The structure of a network as plain JSON, and back: its layers, how values flow, and its sub-networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastnn import schedules
from fastnn.common import checks, free
from fastnn.common.free import Pattern
from fastnn.common.settings import check_version
from fastnn.layers.base import Layer
from fastnn.layers.graph import Graph, numbered
from fastnn.model.compiled import Compiled
from fastnn.model.subnetwork import Subnetwork


def subnetworks(net: Compiled) -> list[Compiled]:
    """All networks inside, each once, after those that it contains."""
    found: dict[Any, None] = {}
    for inner in net.inner().values():
        found.update(dict.fromkeys([*subnetworks(inner), inner]))  # type: ignore[arg-type]
    return list(found)


def layers(net: Compiled) -> list[Layer]:
    """All layers, those of sub-networks and those among the settings of others too."""
    found = [layer for each in (net, *subnetworks(net)) for layer in each.graph.layers.values()]
    for layer in found:  # and then those that are added
        found += layer.layers_inside
    return [layer for layer in found if not isinstance(layer, Subnetwork)]


def _described(setting: Any) -> Any:
    """A layer's setting as JSON: schedules, and lists of layers, are marked as such."""
    if isinstance(setting, schedules.Schedule):
        return {"schedule": schedules.describe(setting)}
    if isinstance(setting, list) and any(isinstance(each, Layer) for each in setting):
        return {"layers": [_entry(each, each.name) for each in setting]}
    return setting


def _setting(given: Any, table: Mapping[str, type[Layer]], own: Mapping[str, type[schedules.Schedule]]) -> Any:
    """The setting that `_described` described."""
    if isinstance(given, Mapping) and given.keys() == {"schedule"}:
        return schedules.restore(given["schedule"], own)
    if isinstance(given, Mapping) and given.keys() == {"layers"}:
        return [_layer(entry, table, own) for entry in checks.listed("layers", given["layers"], Mapping, "objects")]
    return given


def _entry(layer: Layer, name: str | None) -> dict[str, Any]:
    """A layer as JSON."""
    settings = {key: _described(value) for key, value in {**layer.settings(), "name": name}.items()}
    return {"class": layer.kind, "version": layer.version, "settings": settings}


def _layer(
    entry: Mapping[str, Any], table: Mapping[str, type[Layer]], own: Mapping[str, type[schedules.Schedule]]
) -> Layer:
    """The layer that `_entry` described. Raises ValueError for an unknown one."""
    kind = table.get(entry["class"])
    if kind is None:
        known = ", ".join(table)
        raise ValueError(f"unknown layer {entry['class']!r}; known: {known}; pass your own in layers=")
    settings = {key: _setting(value, table, own) for key, value in entry["settings"].items()}
    return kind(**kind.upgraded(settings, check_version(kind, entry)))


def describe(net: Compiled, inner: Sequence[Compiled]) -> dict[str, Any]:
    """The network as JSON; inner: the list in which its sub-networks are found by number."""
    graph, usual = net.graph, numbered(net.graph.layers)
    description: dict[str, Any] = {
        "network": type(net).__name__,
        "input_shape": net.features[0] if net.features else None,
        "layers": [
            {
                "network": inner.index(layer.network),
                **({} if name in (layer.network.name, usual[name]) else {"name": name}),
            }
            if isinstance(layer, Subnetwork)
            else _entry(layer, name)
            for name, layer in graph.layers.items()
        ],
        "name": net.name,
        "trainable": net.trainable,
    }
    if description["network"] != "Sequential":
        numbers = {layer: i for i, layer in enumerate(graph.layers.values())}
        description["inputs"] = [list(pair) for pair in zip(graph.inputs, net.features, strict=True)]
        description["nodes"] = [[numbers[node.layer], node.sources] for node in graph.nodes]
        description["outputs"] = graph.outputs
        if graph.names is not None:
            description["output_names"] = graph.names
    return description


def restore(
    description: Mapping[str, Any],
    kinds: Mapping[str, type[Compiled]],
    table: Mapping[str, type[Layer]],
    own: Mapping[str, type[schedules.Schedule]],
    inner: Sequence[Compiled],
    seed: int,
) -> Compiled:
    """The network, not built yet. kinds: the classes of networks by name, table: those of layers.

    own: custom schedules.

    Raises ValueError, TypeError or KeyError for an invalid description.
    """
    layers: list[Layer] = []
    for entry in description["layers"]:
        if "network" in entry:
            number = checks.integer("a layer's network", entry["network"], 0, len(inner) - 1)
            layers.append(Subnetwork.named(inner[number], entry.get("name")))
        else:
            layers.append(_layer(entry, table, own))
    if not layers:
        raise ValueError("a network needs at least one layer")
    made = kinds[checks.known("network", description["network"], kinds)]
    net = made.__new__(made)
    graph = Graph.chain(layers) if description["network"] == "Sequential" else _graph(description, layers)
    net.assemble(graph, seed, description.get("name"))
    net.trainable = checks.flag("trainable", description.get("trainable", True))
    return net


def _graph(description: Mapping[str, Any], layers: Sequence[Layer]) -> Graph:
    names = [checks.name("an input", name) for name, _ in description["inputs"]]
    if len(set(names)) < len(names):
        raise ValueError(f"two inputs have the same name: {', '.join(names)}")
    steps = [
        (layers[checks.integer("a node's layer", number, 0, len(layers) - 1)], _places(sources))
        for number, sources in description["nodes"]
    ]
    titles = description.get("output_names")
    if titles is not None:
        titles = checks.listed("output_names", titles, str, "names")
    return Graph(names, steps, _places(description["outputs"]), titles)


def _places(given: Any) -> list[int]:
    return [checks.integer("a place", place, 0) for place in checks.listed("places", given, int, "integers")]


def features(description: Mapping[str, Any]) -> list[Pattern]:
    """The shapes of the inputs; none where the network was not built."""
    if description["network"] != "Sequential":
        return [checks.pattern(f"Input {name!r}", shape) for name, shape in description["inputs"]]
    shape = description["input_shape"]
    return [] if shape is None else [checks.pattern("input_shape", shape)]


def adopt(net: Compiled, shapes: Sequence[Pattern]) -> None:
    """Makes the parameters, all zero, of the network and its sub-networks."""
    at = free.patterns(net.graph.shapes, shapes)
    for node in net.graph.nodes:
        if isinstance(node.layer, Subnetwork):
            given = [at[source] for source in node.sources]
            if not node.layer.network.features:
                adopt(cast(Compiled, node.layer.network), given)
            free.patterns(node.layer.shapes_for, given)
    net.adopt(shapes, net.blocks_for(shapes))
