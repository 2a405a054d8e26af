"""Heads: what is measured at each output of a network, and how users say it for several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastnn import checks, losses
from fastnn import metrics as measures
from fastnn.losses import Loss

#: A bit for each says whether its targets are labels.
MOST = 60


@dataclass(eq=False)
class Head:
    """An output by name: its loss, the loss's weight in the sum of all, and its metrics."""

    output: str
    loss: Loss
    weight: float
    metrics: tuple[str, ...]


class Losses(dict[str, Loss]):
    """The losses of several outputs, by name."""

    #: As of a Loss, for `train_on_batch`: what takes labels is found out for each output.
    takes_labels = False


def heads(outputs: Sequence[str], loss: Any, metrics: Any, weights: Any) -> tuple[Head, ...]:
    """A Head for each output, of what `compile` is given: one for all, or a dict by output.

    Raises ValueError for an unknown name, weights that are no finite numbers >= 0 or all 0, TypeError for other types.
    """
    if len(outputs) > MOST:
        raise ValueError(f"a network that is compiled has at most {MOST} outputs, this one has {len(outputs)}")
    made = []
    by_output = (for_each("loss", loss, outputs), for_each("metrics", metrics, outputs, ()))
    scales = for_each("loss_weights", 1.0 if weights is None else weights, outputs, 1.0)
    for output, criterion, names, weight in zip(outputs, *by_output, scales, strict=True):
        listed = tuple(checks.listed("metrics", names, str, "names"))
        for name in listed:
            measures.resolve(name)
        scale = checks.real(f"loss_weights: {output}", weight, least=0)
        made.append(Head(output, losses.resolve(criterion), scale, listed))
    if not any(head.weight for head in made):
        raise ValueError("loss_weights: all are 0, so there is nothing to train")
    return tuple(made)


def for_each(what: str, given: Any, names: Sequence[str], otherwise: Any = None) -> list[Any]:
    """What is given for each name: one thing for all, or a dict by name. otherwise: for names that it leaves out."""
    if not isinstance(given, Mapping):
        return [given] * len(names)
    checks.names(what, given, names, otherwise is not None)
    return [given.get(name, otherwise) for name in names]


def one_or_all(names: Sequence[str], values: Sequence[Any]) -> Any:
    """The only value, or a dict by name."""
    return values[0] if len(names) == 1 else dict(zip(names, values, strict=True))
