from fastnn.op import Op
from fastnn.tensor import Tensor

class Pieces(Op): ...

class Maxout(Pieces):
    def __init__(self, z: Tensor, y: Tensor) -> None: ...

class MaxoutGradient(Pieces):
    def __init__(self, z: Tensor, y: Tensor, dy: Tensor, dz: Tensor) -> None: ...
