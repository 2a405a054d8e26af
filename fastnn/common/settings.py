"""What losses, optimizers and schedules share: they are their settings, the fields of a dataclass."""

import dataclasses
from typing import Any


class Settings:  # noqa: PLW1641  # they may change, unless they are FixedSettings
    """Settings by which two are equal, and are shown.

    These methods are written once: a dataclass would compile them for each of its classes when it is imported.
    """

    def __init_subclass__(cls) -> None:
        """A plain @dataclass leaves them as they are."""
        for name in ("__eq__", "__hash__", "__repr__"):
            if name not in vars(cls):
                setattr(cls, name, getattr(cls, name))

    def settings(self) -> dict[str, Any]:
        """The fields that are given, by name."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.init}  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.settings() == other.settings()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.settings().items())})"


class FixedSettings(Settings):
    """Settings that are set once."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):
            raise AttributeError(f"{type(self).__name__}: {name} cannot be changed; make another")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}: {name} cannot be deleted")

    def __hash__(self) -> int:
        return hash((type(self), *self.settings().values()))
