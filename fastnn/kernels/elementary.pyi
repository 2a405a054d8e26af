from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Elementwise

class Elementary(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, function: str) -> None: ...
