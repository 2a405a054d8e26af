from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class Pieces(Op): ...

class Maxout(Pieces):
    def __init__(self, z: Tensor, y: Tensor) -> None: ...

class MaxoutGradient(Pieces):
    def __init__(self, z: Tensor, y: Tensor, dy: Tensor, dz: Tensor) -> None: ...
