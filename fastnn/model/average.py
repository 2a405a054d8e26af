"""The moving average of a network's parameters, which the optimizer's setting ema keeps in a slot."""

from __future__ import annotations

from fastnn.engine.tensor import Tensor
from fastnn.model.compiled import Compiled
from fastnn.model.parameters import Range, below


def require_average(net: Compiled, what: str) -> None:
    """Raises RuntimeError where the optimizer keeps no average."""
    if getattr(net.optimizer, "ema", None) is None:
        raise RuntimeError(f"{what}: the optimizer keeps no average; compile with ema=, such as Adam(ema=0.999)")


def averages(net: Compiled) -> list[tuple[Range, Tensor]]:
    """The ranges that are trained and their averages; none before the first update."""
    parts = net.ranges() if net.counters.update else []
    return [(part, part.of(net.slots["average"], part.base)) for part in parts]


def untrained(net: Compiled) -> list[Range]:
    """The ranges of the parameters that are frozen, of which there is no average."""
    places = net.blocks.places
    held = {places[name] for name in below(net.blocks.wanted, net.frozen)}
    return net.blocks.ranges([name for name, place in places.items() if place not in held], {})
