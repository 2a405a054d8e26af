from fastnn.kernels.elementary import Elementwise
from fastnn.tensor import Tensor

class Dropout(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, *, rate: float, seed: int, stream: int) -> None: ...
