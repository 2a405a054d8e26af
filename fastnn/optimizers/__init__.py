"""Optimizers: the settings of an update. The network holds their state: slots, each one flat block.

A network is compiled with one by name, net.compile("adam"), or with settings, net.compile(fnn.Adam(1e-4)).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fastnn import schedules
from fastnn.common import checks
from fastnn.common.settings import check_version
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

    Raises ValueError for an unknown name, TypeError for anything that is neither.
    """
    if isinstance(optimizer, str):
        names = {name.lower(): cls for name, cls in OPTIMIZERS.items()}
        return names[checks.known("optimizer", optimizer.lower(), names)]()  # type: ignore[call-arg]
    if isinstance(optimizer, type):
        raise TypeError(f"optimizer must be an object, got the class {optimizer.__name__}: use {optimizer.__name__}()")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer or its name, got {optimizer!r}")
    return dataclasses.replace(optimizer)


def describe(optimizer: Optimizer) -> dict[str, Any]:
    """An optimizer in the form that files hold."""
    settings = {name: schedules.describe(value) for name, value in optimizer.settings().items()}
    return {**optimizer.describe(), "settings": settings}


def restore(entry: Mapping[str, Any], custom: Mapping[str, Any], custom_schedules: Mapping[str, Any]) -> Optimizer:
    """The optimizer that `describe` described. custom, custom_schedules: the user's own classes by name.

    Raises ValueError for an unknown class or a later version, TypeError for settings that the class does not have.
    """
    known = {**custom, **OPTIMIZERS}
    if entry["class"] not in known:
        raise ValueError(
            f"unknown optimizer {entry['class']!r}; known: {', '.join(known)}; pass your own in optimizers="
        )
    kind = known[entry["class"]]
    check_version(kind, entry)
    made: Optimizer = kind(
        **{name: schedules.restore(each, custom_schedules) for name, each in entry["settings"].items()}
    )
    return made


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
    "describe",
    "resolve",
    "restore",
]
