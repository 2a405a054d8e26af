from fastnn.op import Op
from fastnn.tensor import Tensor

class Elementwise(Op): ...

class Elementary(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, function: str) -> None: ...
