from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels.gather import Gathered
from fastnn.kernels.loss import Loss

class GatherLabelRows(Gathered):
    def __init__(
        self,
        port: Port,
        y: Tensor,
        count: Tensor,
        lengths: Tensor | None = None,
        *,
        classes: int,
        blank: int = 0,
        ignore_impossible: bool = False,
    ) -> None: ...
    def complain(self, place: int) -> Exception: ...

class CTC(Loss):
    def __init__(
        self,
        x: Tensor,
        labels: Tensor,
        count: Tensor,
        dx: Tensor,
        weight: Tensor | None = None,
        lengths: Tensor | None = None,
        port: Port | None = None,
        *,
        classes: int,
        blank: int = 0,
        finite: bool = False,
    ) -> None: ...
    def reserve(self, labels: int) -> None: ...
