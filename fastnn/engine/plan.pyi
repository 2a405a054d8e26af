from collections.abc import Sequence
from typing import Any, final

import numpy as np

from fastnn.engine.guard import Guard
from fastnn.engine.op import Op
from fastnn.engine.port import Port
from fastnn.engine.profile import Profile
from fastnn.engine.tensor import Tensor

@final
class Plan:
    guard: Guard | None
    inputs_only: bool
    @property
    def ops(self) -> tuple[Op, ...]: ...
    @property
    def ports(self) -> tuple[Port, ...]: ...
    @property
    def kept(self) -> tuple[Tensor, ...]: ...
    @property
    def capacity(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    def __init__(
        self, ops: Sequence[Op], ports: Sequence[Port] = (), kept: Sequence[Tensor] = (), nbytes: int = 0
    ) -> None: ...
    def run(
        self,
        samples: int,
        batch: int,
        first: int = 0,
        order: np.ndarray[Any, Any] | None = None,
        rates: np.ndarray[Any, Any] | None = None,
        step: int = 0,
        update: int = 0,
        pause: float = 0.05,
    ) -> int: ...
    def profile(self, repeats: int = 50) -> Profile: ...
