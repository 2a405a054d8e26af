from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class Permute(Op):
    def __init__(self, x: Tensor, y: Tensor, shape: tuple[int, ...], axes: tuple[int, ...]) -> None: ...
