from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.engine.tensor import Tensor
from fastnn.kernels.loss import Loss
from fastnn.kernels.meter import Meter

def check_number(name: str, what: str, value: object) -> None: ...
def write_gradient(name: str, what: str, output: str, given: object, dx: np.ndarray, finite: bool) -> None: ...

class PythonLoss(Loss):
    def explain(self, place: int) -> Exception: ...

class OwnLoss(PythonLoss):
    def __init__(
        self,
        x: Tensor,
        target: Tensor | None,
        dx: Tensor,
        weight: Tensor | None = None,
        *,
        function: Callable[..., tuple[float, np.ndarray]],
        name: str,
        shape: tuple[int, ...] | None = None,
        target_shape: tuple[int, ...] | None = None,
        weighted: bool = False,
        finite: bool = False,
    ) -> None: ...

class Part(Meter):
    def __init__(self) -> None: ...
    @property
    def capacity(self) -> int: ...

class JointLoss(PythonLoss):
    def __init__(
        self,
        *three: object,
        function: Callable[..., tuple[Any, ...]],
        name: str,
        outputs: tuple[str, ...],
        shapes: tuple[Any, ...],
        parts: tuple[str, ...] = (),
        finite: bool = False,
    ) -> None: ...
