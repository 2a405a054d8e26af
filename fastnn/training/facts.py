"""The facts that a fit notes, of the network and its data."""

from __future__ import annotations

from fastnn.layers.base import Layer
from fastnn.model.compiled import Compiled
from fastnn.model.facts import Facts, Targets, some
from fastnn.model.feed import ArrayFeed, Feed
from fastnn.model.structure import subnetworks


def facts(net: Compiled, data: Feed, unseen: Feed | None) -> Facts:
    """What is at hand, in a few microseconds; targets only where arrays hold them, without weights."""
    rate = getattr(net.optimizer, "learning_rate", None)
    parameters = net.blocks.each.values()
    rates = [_dropout(layer) for each in (net, *subnetworks(net)) for layer in each.graph.layers.values()]
    return Facts(
        data.size,
        0 if unseen is None else unseen.size,
        tuple(each.shape for each in parameters if not each.statistic),
        type(net.optimizer).__name__,
        rate if isinstance(rate, float) else None,
        any(each is not None for each in rates),
        max((each for each in rates if each), default=0.0),
        max((each.l1 + each.l2 for each in parameters), default=0.0),
        _targets(net, data) if isinstance(data, ArrayFeed) and data.form.weights is None else (),
    )


def _dropout(layer: Layer) -> float | None:
    """The rate of the layer's dropout, 0 for other layers that act in training only, and None for all others."""
    if layer.trains_only:
        return float(getattr(layer, "rate", 0.0))
    recurrent = getattr(layer, "layer", layer)  # of a Bidirectional
    rates = (getattr(recurrent, name, 0.0) for name in ("dropout", "recurrent_dropout"))
    return max((rate for rate in rates if isinstance(rate, float)), default=0.0) or None


def _targets(net: Compiled, feed: ArrayFeed) -> tuple[Targets, ...]:
    form = feed.form
    return tuple(
        Targets(some(target), label, each.loss, each.weight, shape[-1])
        for target, label, each, shape in zip(form.targets, form.labels, net.objectives, net.shapes, strict=True)
    )
