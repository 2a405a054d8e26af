from typing import NoReturn

from fastnn.engine.tensor import Tensor
from fastnn.kernels.meter import Meter

ELEMENTWISE_LOSSES: tuple[str, ...]

class Loss(Meter):
    def __init__(
        self, x: Tensor, target: Tensor, dx: Tensor | None, weight: Tensor | None = None, *, finite: bool = False
    ) -> None: ...
    def refuse(self, *tensors: Tensor | None) -> NoReturn: ...
    def take(
        self, x: Tensor, target: Tensor | None, dx: Tensor | None, weight: Tensor | None, finite: bool
    ) -> None: ...
    def explain(self, place: int) -> Exception: ...

class ElementwiseLoss(Loss):
    def __init__(
        self,
        x: Tensor,
        target: Tensor,
        dx: Tensor | None,
        weight: Tensor | None = None,
        *,
        loss: str,
        setting: float = 0.0,
        finite: bool = False,
    ) -> None: ...

class Cosine(Loss):
    def __init__(
        self, x: Tensor, target: Tensor, dx: Tensor, weight: Tensor | None = None, *, finite: bool = False
    ) -> None: ...

class Dice(Loss):
    def __init__(
        self,
        x: Tensor,
        target: Tensor,
        dx: Tensor,
        weight: Tensor | None = None,
        *,
        smooth: float = 1.0,
        finite: bool = False,
    ) -> None: ...
