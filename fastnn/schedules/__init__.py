"""Learning-rate schedules: functions of the number of updates since `compile`, t = 0, 1, 2, ...

An optimizer accepts one instead of a number: Adam(fnn.schedules.Cosine(1e-3, steps=10_000)); so does the weight of a
`GaussianSample`. Lengths count updates: an epoch has ceil(samples / batch_size) of them. The network keeps the count,
also in its files. For a rate that follows a validation metric instead: `fnn.callbacks.ReduceOnPlateau`.
"""

from collections.abc import Mapping
from typing import Any

from fastnn.common.settings import check_version
from fastnn.schedules.base import BLOCK, Schedule
from fastnn.schedules.cycles import Cosine, OneCycle, WarmUp
from fastnn.schedules.decay import Constant, Exponential, InverseSqrt, Polynomial, Step

__all__ = [
    "BLOCK",
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "InverseSqrt",
    "OneCycle",
    "Polynomial",
    "Schedule",
    "Step",
    "WarmUp",
    "describe",
    "nested",
    "restore",
]

#: The schedules that a file may name.
SCHEDULES: dict[str, type[Schedule]] = {
    schedule.__name__: schedule
    for schedule in (Constant, Step, Exponential, Polynomial, InverseSqrt, Cosine, WarmUp, OneCycle)
}


def nested(setting: Any) -> list[Schedule]:
    """The schedules in a setting, including those inside others."""
    if not isinstance(setting, Schedule):
        return []
    return [setting, *(inner for value in setting.settings().values() for inner in nested(value))]


def describe(setting: Any) -> Any:
    """A setting in the form that files hold: a Schedule as its class and settings."""
    if not isinstance(setting, Schedule):
        return setting
    return {**setting.describe(), "settings": {name: describe(value) for name, value in setting.settings().items()}}


def restore(entry: Any, custom: Mapping[str, type[Schedule]]) -> Any:
    """The setting that `describe` described. custom: the user's own schedules by name.

    Raises ValueError for an unknown class or a later version, TypeError for settings that the class does not have.
    """
    if not isinstance(entry, Mapping):
        return entry
    known = {**custom, **SCHEDULES}
    if entry["class"] not in known:
        raise ValueError(f"unknown schedule {entry['class']!r}; known: {', '.join(known)}; pass your own in schedules=")
    kind = known[entry["class"]]
    check_version(kind, entry)
    return kind(**{name: restore(value, custom) for name, value in entry["settings"].items()})
