"""The facts that a fit notes, of the network and its data."""

from __future__ import annotations

from fastnn.layers.base import Layer
from fastnn.losses import Joint, Own
from fastnn.model.compiled import Compiled
from fastnn.model.facts import Facts, Targets, some
from fastnn.model.feed import ArrayFeed, Feed
from fastnn.model.structure import subnetworks


def facts(net: Compiled, data: Feed, unseen: Feed | None) -> Facts:
    """What is at hand, in a few microseconds; targets only where arrays hold them."""
    shapes, penalty, randomized, dropout = [], 0.0, False, 0.0
    for parameter in net.blocks.each.values():
        if not parameter.statistic:
            shapes.append(parameter.shape)
            penalty = max(penalty, parameter.l1, parameter.l2)
    for each in (net, *subnetworks(net)):
        for layer in each.graph.layers.values():
            if (rate := _dropout(layer)) is not None:
                randomized, dropout = True, max(dropout, rate)
    rate = vars(net.optimizer).get("learning_rate")
    return Facts(
        data.size,
        0 if unseen is None else unseen.size,
        tuple(shapes),
        type(net.optimizer).__name__,
        rate if isinstance(rate, float) else None,
        randomized,
        dropout,
        penalty,
        _targets(net, data),
    )


def _dropout(layer: Layer) -> float | None:
    """The rate of the layer's dropout, 0 for other layers that act in training only, and None for all others."""
    if layer.trains_only:
        rate = vars(layer).get("rate")
        return rate if isinstance(rate, float) else 0.0
    settings = vars(layer)
    inner = settings.get("layer")  # of a Bidirectional
    if isinstance(inner, Layer):
        settings = vars(inner)
    rates = settings.get("dropout"), settings.get("recurrent_dropout")
    return max((each for each in rates if isinstance(each, float)), default=0.0) or None


def _targets(net: Compiled, data: Feed) -> tuple[Targets, ...]:
    """None where not all targets count alike, and for losses that may not accept what `Facts` measures them on."""
    form = data.form
    if form.weights or form.choose or form.ending or not isinstance(data, ArrayFeed):
        return ()
    for each in net.objectives:
        known = each.loss.compares and not isinstance(each.loss, Own | Joint)
        if not known or vars(each.loss).get("ignore") is not None:
            return ()
    shapes = net.shapes_for(form.inputs)
    return tuple(
        Targets(some(target), label, each.loss, each.weight, shape[-1])
        for target, label, each, shape in zip(form.targets, form.labels, net.objectives, shapes, strict=True)
    )
