"""The facts that a fit notes, of the network and its data."""

from __future__ import annotations

from fastnn.layers.base import Layer
from fastnn.losses import Own
from fastnn.model.compiled import Compiled
from fastnn.model.facts import Facts, Targets, some
from fastnn.model.feed import ArrayFeed, Feed
from fastnn.model.structure import subnetworks


def facts(net: Compiled, data: Feed, unseen: Feed | None) -> Facts:
    """What is at hand, in a few microseconds; targets only where arrays hold them."""
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
        _targets(net, data),
    )


def _dropout(layer: Layer) -> float | None:
    """The rate of the layer's dropout, 0 for other layers that act in training only, and None for all others."""
    part = getattr(layer, "layer", layer)  # of a Bidirectional
    names = ("rate",) if layer.trains_only else ("dropout", "recurrent_dropout")
    rate = max((each for name in names if isinstance(each := getattr(part, name, None), float)), default=0.0)
    return rate if rate or layer.trains_only else None


def _targets(net: Compiled, data: Feed) -> tuple[Targets, ...]:
    """None where not all targets count alike, and for losses that may not accept what `Facts` measures them on."""
    form, criteria = data.form, [each.loss for each in net.objectives]
    partial = form.weights is not None or form.lengths is not None
    own = any(isinstance(each, Own) or getattr(each, "ignore", None) is not None for each in criteria)
    if partial or own or not isinstance(data, ArrayFeed):
        return ()
    return tuple(
        Targets(some(target), label, each.loss, each.weight, shape[-1])
        for target, label, each, shape in zip(form.targets, form.labels, net.objectives, net.shapes, strict=True)
    )
