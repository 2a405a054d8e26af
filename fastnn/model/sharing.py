"""Parameters that two sub-networks share though neither is in the other: parts of one network, or a part and its whole.

Files and copies hold each of those sub-networks by itself, so which names are of one parameter is kept beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from fastnn.engine.guard import Guard
from fastnn.model.compiled import Compiled


def _inside(net: Compiled) -> Iterator[Compiled]:
    """The network, after all that are inside; those at several places again."""
    for inner in net.inner().values():
        yield from _inside(cast(Compiled, inner))
    yield net


def _resolved(net: Compiled, name: str) -> tuple[Compiled, str]:
    """The sub-network whose layer has this parameter, and its name there."""
    layer, _, key = name.partition(".")
    inner = net.inner().get(layer)
    return (net, name) if inner is None else _resolved(cast(Compiled, inner), key)


def shared(net: Compiled) -> list[list[str]]:
    """Names of one parameter each, where the structure of the network does not say that they are."""
    found: dict[Any, dict[Any, str]] = {}
    for name, place in net.blocks.places.items():
        found.setdefault(place, {}).setdefault(_resolved(net, name), name)
    return [list(names.values()) for names in found.values() if len(names) > 1]


def share(net: Compiled, groups: Sequence[Sequence[str]]) -> None:
    """Makes the names in each group those of its first one's parameter, in the sub-networks too.

    One thread at a time changes those that share, as with the parts of one network. Raises ValueError for an unknown
    name, and for parameters of different shapes or kinds.
    """
    if not groups:
        return
    wanted, moved = net.blocks.wanted, dict[Any, Any]()
    for group in groups:
        first, *others = group or [""]
        for name in (first, *others):
            if name not in wanted:
                raise ValueError(f"shared: unknown parameter {name!r}")
            if (wanted[name].shape, wanted[name].statistic) != (wanted[first].shape, wanted[first].statistic):
                raise ValueError(f"shared: {first} and {name} differ, so that they cannot be one parameter")
            moved[net.blocks.places[name]] = net.blocks.places[first]
    involved, common = {block for pair in moved.items() for block, _ in pair}, Guard()
    for each in dict.fromkeys(_inside(net)):
        held = [common] if involved.intersection(each.blocks.bases) else []
        each._set(guard=Guard([*(inner.guard for inner in each.inner().values()), *held]))
        each.blocks.move(moved)
        each.adopt(each.features, each.blocks, each.shapes)
