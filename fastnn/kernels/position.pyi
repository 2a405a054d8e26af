from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.steps import Steps

class OfSteps(Op): ...

class AddPositions(OfSteps):
    def __init__(self, x: Tensor, weight: Tensor, y: Tensor, steps: Steps | None = None) -> None: ...

class AddPosition(Op):
    def __init__(self, x: Tensor, weight: Tensor, present: Tensor, y: Tensor) -> None: ...

class PositionsGradient(OfSteps):
    def __init__(self, dy: Tensor, dweight: Tensor, steps: Steps | None = None, *, add: bool = False) -> None: ...
