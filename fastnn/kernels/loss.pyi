from typing import NoReturn

from fastnn.engine.op import ChunkedOp
from fastnn.engine.tensor import Tensor

ELEMENTWISE_LOSSES: tuple[str, ...]

class DivergenceError(FloatingPointError): ...

class Meter(ChunkedOp):
    measured: tuple[float, float, float]
    @property
    def total(self) -> float: ...
    @property
    def last(self) -> float: ...
    @property
    def count(self) -> float: ...
    @property
    def mean(self) -> float: ...
    def reset(self) -> None: ...

class Loss(Meter):
    def __init__(
        self, x: Tensor, target: Tensor, dx: Tensor | None, weight: Tensor | None = None, *, finite: bool = False
    ) -> None: ...
    def refuse(self, *tensors: Tensor | None) -> NoReturn: ...
    def take(self, x: Tensor, target: Tensor, dx: Tensor | None, weight: Tensor | None, finite: bool) -> None: ...

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
