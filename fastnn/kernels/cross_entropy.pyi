from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.loss import Loss

class SoftTargets(Op):
    def __init__(
        self,
        target: Tensor,
        y: Tensor,
        mass: Tensor,
        count: Tensor,
        *,
        class_weights: Tensor | None = None,
        smoothing: float = 0.0,
    ) -> None: ...

class CrossEntropy(Loss):
    def __init__(
        self,
        x: Tensor,
        target: Tensor,
        dx: Tensor,
        weight: Tensor | None = None,
        mass: Tensor | None = None,
        count: Tensor | None = None,
        *,
        finite: bool = False,
    ) -> None: ...
    def explain(self, place: int) -> Exception: ...

class KLDivergence(CrossEntropy):
    def __init__(
        self, x: Tensor, target: Tensor, dx: Tensor, weight: Tensor | None = None, *, finite: bool = False
    ) -> None: ...
