from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Elementwise

class Rescale(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, *, scale: float, offset: float = 0.0) -> None: ...
