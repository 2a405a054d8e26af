"""Copies of networks, made of the objects themselves: what a file keeps of a network, without the file."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from fastnn.common.settings import field_names
from fastnn.formats.safetensors_file import plain
from fastnn.layers.base import Layer
from fastnn.layers.graph import Graph
from fastnn.model import sharing
from fastnn.model.compiled import Compiled
from fastnn.model.parameters import Blocks
from fastnn.model.subnetwork import Subnetwork

Net = TypeVar("Net", bound=Compiled)


def copied(net: Net) -> Net:
    """A network that shares nothing with the other that can change: layers, weights, slots, counters, settings.

    Raises TypeError for metadata that are not plain JSON.
    """
    twin = _structure(net, {})
    if net.features:
        sharing.share(twin, sharing.shared(net))
    twin.counters.restore(net.counters)
    if net.optimizer is not None:
        loss, metrics = (dict(each) if isinstance(each, dict) else each for each in (net.loss, net.metrics))
        twin._set(optimizer=copy.copy(net.optimizer), objectives=net.objectives, loss=loss, metrics=metrics)
        twin._set(frozen=net.frozen, rates=dict(net.rates), quick=net.quick)
        twin._set(slots=twin._make_slots())
        for slot, flat in net.slots.items():
            views = twin.blocks.in_slot(twin.slots[slot])
            for name, view in net.blocks.in_slot(flat).items():
                views[name][...] = view
    return twin


def _structure(net: Net, known: dict[Compiled, Compiled]) -> Net:
    """Layers, weights and notes, with the sub-networks: each once, also at several places."""
    twin = type(net).__new__(type(net))
    layers = {layer: _layer(layer, name, known) for name, layer in net.graph.layers.items()}
    steps = [(layers[node.layer], node.sources) for node in net.graph.nodes]
    twin.assemble(Graph(net.graph.inputs, steps, net.graph.outputs, net.graph.names), net.seed, net.name)
    twin.trainable, twin.metadata = net.trainable, plain(net.metadata)
    if net.features:
        blocks = Blocks(net.blocks.wanted, {name: inner.blocks for name, inner in twin.inner().items()})
        twin.adopt(net.features, blocks, net.shapes)
        for name, weight in blocks.own.weights.items():
            weight.value.array[...] = net.blocks.weights[name].value.array
    known[net] = twin
    return twin


def _layer(layer: Layer, name: str, known: dict[Compiled, Compiled]) -> Layer:
    """A layer of the same settings, which belongs to no network yet."""
    if isinstance(layer, Subnetwork):
        inner: Any = layer.network
        return Subnetwork.named(known.get(inner) or _structure(inner, known), name)
    if type(layer).__module__.startswith("fastnn."):  # settings that cannot be changed, and no other attributes
        twin = object.__new__(type(layer))
        vars(twin).update({field: vars(layer)[field] for field in field_names(layer)}, name=name)
        return twin
    return type(layer)(**{**copy.deepcopy(layer.settings()), "name": name})
