from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.loss import ElementwiseLoss
from fastnn.kernels.meter import Meter

class Classes(Op):
    def __init__(self, x: Tensor, y: Tensor, *, threshold: float | None = None) -> None: ...

class Accuracy(Meter):
    def __init__(self, classes: Tensor, target: Tensor, weight: Tensor | None = None) -> None: ...

class TopAccuracy(Meter):
    def __init__(self, x: Tensor, target: Tensor, weight: Tensor | None = None, *, k: int) -> None: ...

class RootMeanSquaredError(ElementwiseLoss):
    def __init__(self, x: Tensor, target: Tensor, weight: Tensor | None = None) -> None: ...
