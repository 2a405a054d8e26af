from collections.abc import Sequence
from typing import Any, final

from fastnn.inference.streaming import Streaming
from fastnn.model.compiled import Compiled

@final
class Stream(Streaming):
    def __init__(
        self,
        net: Compiled,
        batch_size: int = 1,
        averaged: bool = False,
        capacity: int | None = None,
        held: Sequence[str] = (),
        features: tuple[Any, ...] = (),
    ) -> None: ...
    def step(self, *x: Any, out: Any = None) -> Any: ...
    def __copy__(self) -> Stream: ...
    def __deepcopy__(self, memo: dict[int, Any]) -> Stream: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
