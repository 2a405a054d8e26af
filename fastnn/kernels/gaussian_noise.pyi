from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Elementwise

class GaussianNoise(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, *, stddev: float, seed: int, stream: int) -> None: ...
