from fastnn.kernels.loss import Meter
from fastnn.op import Op
from fastnn.tensor import Tensor

class Classes(Op):
    def __init__(self, x: Tensor, y: Tensor, *, threshold: float | None = None) -> None: ...

class Accuracy(Meter):
    def __init__(self, classes: Tensor, target: Tensor) -> None: ...

class MeanAbsoluteError(Meter):
    def __init__(self, x: Tensor, target: Tensor) -> None: ...
