"""The base of losses, optimizers and schedules: their settings are the fields of a dataclass."""

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar


def field_names(owner: object) -> frozenset[str]:
    """The fields of a dataclass object, without what belongs to its class."""
    return _fields_of(type(owner))  # type: ignore[arg-type]  # a class can be hashed


@cache
def _fields_of(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(cls))


def unknown_attribute(owner: object, name: str, known: Iterable[str]) -> AttributeError:
    """The error for an attribute that an object does not have, with the nearest one that it has."""
    from difflib import get_close_matches

    near = get_close_matches(name, [each for each in known if not each.startswith("_")], 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return AttributeError(f"{type(owner).__name__} has no attribute {name!r}{hint}")


def check_version(kind: type, entry: Mapping[str, Any]) -> int:
    """The version of the settings of a class in a file; 1 where it names none. Raises ValueError for a later one."""
    version = entry.get("version", 1)
    if not isinstance(version, int) or not 1 <= version <= kind.version:  # type: ignore[attr-defined]
        raise ValueError(
            f"{kind.__name__}: unknown version {version!r} of settings; was it written by a later version of fastnn?"
        )
    return version


class Settings:  # noqa: PLW1641  # mutable, unless they are FixedSettings
    """Settings, which determine equality and the repr.

    These methods are written once: a dataclass would compile them for each of its classes when it is imported.
    """

    #: The version of the settings' meaning, stored in files, so that a default or a formula may change.
    version: ClassVar[int] = 1

    def __init_subclass__(cls) -> None:
        """A plain @dataclass leaves them as they are."""
        for name in ("__eq__", "__hash__", "__repr__"):
            if name not in vars(cls):
                setattr(cls, name, getattr(cls, name))

    def settings(self) -> dict[str, Any]:
        """The fields that are given, by name."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.init}  # type: ignore[arg-type]

    def describe(self) -> dict[str, Any]:
        """The settings as stored in a file, with the name of the class and the version of its settings."""
        return {"class": type(self).__name__, "version": self.version, "settings": self.settings()}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.settings() == other.settings()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.settings().items())})"


class FixedSettings(Settings):
    """Settings that are set once."""

    def __setattr__(self, name: str, value: Any) -> None:
        fields = field_names(self)
        if name in vars(self) or (name not in fields and hasattr(type(self), name)):
            raise AttributeError(f"{type(self).__name__}: {name} cannot be changed; make another")
        if name not in fields and type(self).__module__.startswith("fastnn."):  # users' classes may have more
            raise unknown_attribute(self, name, fields)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}: {name} cannot be deleted")

    def __hash__(self) -> int:
        return hash((type(self), *self.settings().values()))
