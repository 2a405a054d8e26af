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
    guard: Guard | None
    def __init__(
        self, ops: Sequence[Op], ports: Sequence[Port] = (), kept: Sequence[Tensor] = (), nbytes: int = 0
    ) -> None: ...
    @property
    def inputs_only(self) -> bool: ...
    @inputs_only.setter
    def inputs_only(self, value: bool) -> None: ...
    def limit(self, count: int) -> None: ...
    def run(
        self,
        samples: int,
        batch: int,
        first: int = 0,
        order: np.ndarray | None = None,
        rates: np.ndarray | None = None,
        step: int = 0,
        update: int = 0,
        pause: float = 0.05,
    ) -> int: ...
    def profile(self, repeats: int = 50) -> Profile: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
