"""Layers: what a user writes. Each holds settings only and adds Ops to a plan."""

from collections.abc import Iterator, Mapping

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__)


class _Layers(Mapping[str, type]):
    """Layers by name, loaded when one is looked up."""

    names = tuple(name for name in __all__ if name not in ("Layer", "Parameter", "Composite", "PythonLayer"))

    def __getitem__(self, name: str) -> type:
        if name not in self.names:
            raise KeyError(name)
        kind: type = __getattr__(name)
        return kind

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


#: The layers that a file may name.
LAYERS = _Layers()
