from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.steps import Steps

class StepPool(Op):
    def take(self, parted: Tensor, whole: Tensor, steps: Steps, time: Tensor | None) -> None: ...

class StepMultiply(StepPool):
    def __init__(self, x: Tensor, factors: Tensor, y: Tensor, steps: Steps) -> None: ...

class StepMean(StepPool):
    def __init__(self, x: Tensor, y: Tensor, steps: Steps) -> None: ...

class StepMeanGradient(StepPool):
    def __init__(self, dy: Tensor, dx: Tensor, steps: Steps) -> None: ...

class StepMaximum(StepPool):
    def __init__(self, x: Tensor, y: Tensor, steps: Steps, time: Tensor) -> None: ...

class StepMaximumGradient(StepPool):
    def __init__(self, dy: Tensor, dx: Tensor, steps: Steps, time: Tensor) -> None: ...
