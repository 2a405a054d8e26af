from collections.abc import Sequence
from typing import final

@final
class Spec:
    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    def __init__(self, name: str, shape: Sequence[int], dtype: str = "float32") -> None: ...
