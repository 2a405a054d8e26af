"""Rates by layer: factors of the learning rate, by the path of a layer's or a sub-network's name.

J. Howard and S. Ruder, "Universal Language Model Fine-Tuning for Text Classification", ACL 2018, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastnn.common import checks
from fastnn.model.assembly import Assembly
from fastnn.model.parameters import Blocks, below
from fastnn.optimizers import FirstOrder, Optimizer


def checked(net: Assembly, optimizer: Optimizer, given: Mapping[str, float] | None) -> dict[str, float]:
    """The factors that `compile` is given.

    Raises TypeError unless they are numbers in a dict, ValueError for the name of no layer, a number <= 0, and an
    optimizer that makes one step of all parameters.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"rates must be a dict of factors by the names of layers, got {given!r:.60}")
    known, found = list(_paths(net)), {}
    for path, factor in given.items():
        if path not in known:
            raise ValueError(f"rates: unknown layer {path!r}; known: {', '.join(known)}")
        found[path] = checks.real(f"rates: {path}", factor, least=0)
        if not found[path]:
            raise ValueError(f"rates: {path}: with 0 nothing is trained; set the layer's trainable = False instead")
    if found and not isinstance(optimizer, FirstOrder):
        kind = type(optimizer).__name__
        raise ValueError(f"rates: {kind} makes one step of all parameters together; use another optimizer")
    return found


def _paths(net: Assembly) -> Iterable[str]:
    """The paths of all layers and sub-networks."""
    for name, layer in net.named_layers():
        yield name
        if isinstance(layer, Assembly):
            yield from (f"{name}.{path}" for path in _paths(layer))


def factors(names: Iterable[str], rates: Mapping[str, float]) -> dict[str, float]:
    """The factor of each parameter that has one: that of the longest path."""
    names, found = list(names), {}
    for path in sorted(rates, key=lambda path: path.count(".")):
        found.update(dict.fromkeys(below(names, frozenset([path])), rates[path]))
    return found


def check_effect(blocks: Blocks, rates: Mapping[str, float], frozen: frozenset[str]) -> None:
    """Raises ValueError for a path below which nothing is trained, and for a parameter with two factors."""
    held = set(below(blocks.gradients, frozen))
    trained = [name for name in blocks.gradients if name not in held]
    for path in rates:
        if not below(trained, frozenset([path])):
            raise ValueError(f"rates: {path!r} has no parameters that are trained")
    first: dict[Any, str] = {}
    found = factors(trained, rates)
    for name, factor in found.items():
        other = first.setdefault(blocks.places[name], name)
        if found[other] != factor:
            raise ValueError(f"rates: {other} and {name} are one parameter, but have {found[other]:g} and {factor:g}")
