"""Optimizers: settings of the update. The network holds their state (slots), a flat block each."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fastnn import schedules
from fastnn.common import checks
from fastnn.optimizers.adam import Adam, AdamW, Nadam
from fastnn.optimizers.adaptive import Adadelta, Adagrad, RMSprop, Rprop
from fastnn.optimizers.base import FirstOrder, Optimizer, Span
from fastnn.optimizers.lbfgs import LBFGS
from fastnn.optimizers.sgd import SGD, Lion

#: The optimizers that a file or a string may name.
OPTIMIZERS: dict[str, type[Optimizer]] = {
    optimizer.__name__: optimizer
    for optimizer in (SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Nadam, Lion, Rprop, LBFGS)
}


def resolve(optimizer: Optimizer | str) -> Optimizer:
    """A copy of an Optimizer, or one with default settings by name ("adam").

    Raises ValueError for an unknown name, TypeError for anything else.
    """
    if isinstance(optimizer, str):
        names = {name.lower(): cls for name, cls in OPTIMIZERS.items()}
        return names[checks.known("optimizer", optimizer.lower(), names)]()  # type: ignore[call-arg]
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer or its name, got {optimizer!r}")
    return dataclasses.replace(optimizer)


def described(optimizer: Optimizer) -> dict[str, Any]:
    """An optimizer as it goes into a file."""
    settings = {name: schedules.described(value) for name, value in optimizer.settings().items()}
    return {"class": type(optimizer).__name__, "settings": settings}


def restored(description: Mapping[str, Any]) -> Optimizer:
    """What `described` described. Raises ValueError for an unknown class, TypeError for settings that it has not."""
    optimizer = OPTIMIZERS[checks.known("optimizer", description["class"], OPTIMIZERS)]
    return optimizer(**{name: schedules.restored(value) for name, value in description["settings"].items()})


__all__ = [
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "FirstOrder",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "Rprop",
    "Span",
    "described",
    "resolve",
    "restored",
]
