from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.guard import Guard
from fastnn.op import Op
from fastnn.port import Port
from fastnn.profile import Profile
from fastnn.tensor import Tensor

class Plan:
    ops: tuple[Op, ...]
    ports: tuple[Port, ...]
    kept: tuple[Tensor, ...]
    capacity: int
    position: int
    nbytes: int
    guard: Guard | None
    def __init__(
        self, ops: Sequence[Op], ports: Sequence[Port] = ..., kept: Sequence[Tensor] = ..., nbytes: int = ...
    ) -> None: ...
    def run(
        self,
        samples: int,
        batch: int,
        first: int = ...,
        order: np.ndarray[Any, Any] | None = ...,
        rates: np.ndarray[Any, Any] | None = ...,
        step: int = ...,
        update: int = ...,
        pause: float = ...,
    ) -> int: ...
    def profile(self, repeats: int = ...) -> Profile: ...
