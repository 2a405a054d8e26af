from fastnn.engine.tensor import Tensor
from fastnn.kernels.loss import Loss

class Gaussian(Loss):
    def __init__(
        self, x: Tensor, target: Tensor, dx: Tensor, weight: Tensor | None = None, *, finite: bool = False
    ) -> None: ...
