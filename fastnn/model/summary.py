"""The table that `print(net)` shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from fastnn.common import checks, free
from fastnn.model.compiled import Compiled
from fastnn.model.parameters import below


def table(net: Compiled) -> str:
    """Layers, output shapes, parameter counts and memory, and the inputs of each where they are not the line before.

    Before the build, the layers alone.
    """
    title = type(net).__name__
    if not net.features:
        blank: list[tuple[str, ...]] = [(name, repr(layer), "", "") for name, layer in net.named_layers()]
        return _columns(title, [("layer", "", "", ""), *blank]) + "\nnot built: the input shape is not known yet"
    graph, shapes = net.graph, free.patterns(net.graph.shapes, net.features)
    counts: Counter[str] = Counter()
    for name, parameter in net.blocks.wanted.items():
        if not parameter.statistic:
            counts[name.partition(".")[0]] += math.prod(parameter.shape)
    single = len(graph.inputs) == 1
    rows: list[tuple[str, ...]] = [("layer", "", "inputs", "output", "parameters")]
    rows += [
        ("input" if single and graph.is_chain() else name, "", "", checks.batch(shape), "")
        for name, shape in zip(graph.inputs, net.features, strict=True)
    ]
    places = [*graph.inputs]
    seen: set[str] = set()
    for node in graph.nodes:
        known = f"{counts[node.name]:,}" if node.name not in seen else "shared"
        takes = ", ".join(places[source] for source in node.sources)
        made = ", ".join(checks.batch(shapes[place]) for place in node.places)
        rows.append((node.name, repr(node.layer), takes, made, known))
        places += node.titles
        seen.add(node.name)
    if graph.is_chain():
        rows = [(name, layer, *rest) for name, layer, _, *rest in rows]
    count = net.blocks.count()
    trained = net.blocks.count(below(net.blocks.wanted, net.untrained()))
    parts = f" ({trained:,} trainable, {count - trained:,} frozen)" if trained < count else ""
    size = 4 * net.blocks.size * (2 + len(net.slots))
    return _columns(title, rows) + f"\n{count:,} parameters{parts}, {size / 1e6:.3g} MB with gradients and slots"


def _columns(title: str, rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("  ".join([*cells, row[-1].rjust(widths[-1])]).rstrip())
    return "\n".join([title, *lines])
