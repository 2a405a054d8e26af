"""The table that `print(net)` shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn.network import Network


def table(net: Network) -> str:
    """Layers, output shapes, parameter counts and memory; before the build, the layers alone."""
    title = type(net).__name__
    if net.input_shape is None:
        rows = [(name, repr(layer), "", "") for name, layer in net.named_layers()]
        return _columns(title, [("layer", "", "", ""), *rows]) + "\nnot built: the input shape is not known yet"
    counts: dict[str, int] = {}
    for name in net.built.trained:
        layer_name = name.partition(".")[0]
        counts[layer_name] = counts.get(layer_name, 0) + math.prod(net.built.wanted[name].shape)
    rows = [("layer", "", "output", "parameters"), ("input", "", _batch(net.input_shape), "")]
    for (name, layer), shape in zip(net.named_layers(), net.shapes(net.input_shape), strict=True):
        rows.append((name, repr(layer), _batch(shape), f"{counts.get(name, 0):,}"))
    blocks = 2 + len(net.slots)
    total = f"{net.built.count:,} parameters, {blocks * net.built.values.nbytes / 1e6:.3g} MB with gradients and slots"
    return _columns(title, rows) + f"\n{total}"


def _batch(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['batch', *map(str, shape)])})"


def _columns(title: str, rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("  ".join([*cells, row[-1].rjust(widths[-1])]).rstrip())
    return "\n".join([title, *lines])
