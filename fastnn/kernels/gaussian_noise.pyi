from fastnn.kernels.elementary import Elementwise
from fastnn.tensor import Tensor

class GaussianNoise(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, *, stddev: float, seed: int, stream: int) -> None: ...
