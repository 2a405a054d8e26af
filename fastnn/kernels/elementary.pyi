from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class Elementwise(Op): ...

class Elementary(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, function: str) -> None: ...
