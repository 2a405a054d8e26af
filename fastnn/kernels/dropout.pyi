from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Elementwise

class Dropout(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, *, rate: float, seed: int, stream: int) -> None: ...
