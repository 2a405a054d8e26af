from fastnn.kernels.elementary import Elementwise
from fastnn.tensor import Tensor

class Rescale(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, *, scale: float, offset: float = 0.0) -> None: ...
