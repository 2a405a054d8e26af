from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Flat

class TDTarget(Op):
    def __init__(self, q: Tensor, choice: Tensor | None, reward: Tensor, discount: Tensor, y: Tensor) -> None: ...

class CopyEvery(Flat):
    def __init__(self, x: Tensor, y: Tensor, *, every: int) -> None: ...

class Explore(Op):
    epsilon: float
    def __init__(self, action: Tensor, *, actions: int, seed: int) -> None: ...
