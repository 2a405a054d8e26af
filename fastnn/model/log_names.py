"""What the names in the logs say: on which data a value was measured, and whether more of it is better."""

from collections.abc import Collection

from fastnn import metrics

#: Before the names of what was measured on validation data, and on the training data after the epoch.
PREFIXES = ("val_", "train_")
MODES = ("auto", "min", "max")


def parted(name: str, names: Collection[str]) -> tuple[str, str]:
    """The prefix of a name, and the name without it, if both are among the names: ("val_", "loss"); else ("", name)."""
    for prefix in PREFIXES:
        if name.startswith(prefix) and name.removeprefix(prefix) in names:
            return prefix, name.removeprefix(prefix)
    return "", name


def grows(name: str, mode: str) -> bool:
    """Whether more is better: in mode "auto", of metrics such as accuracy."""
    return mode == "max" or (mode == "auto" and metrics.grows(name))
