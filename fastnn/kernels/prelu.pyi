from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Elementwise

class PReLU(Elementwise):
    def __init__(self, x: Tensor, slope: Tensor, y: Tensor) -> None: ...

class PReLUGradient(Elementwise):
    def __init__(
        self, x: Tensor, slope: Tensor, dy: Tensor, dx: Tensor, dslope: Tensor | None, *, add: bool = False
    ) -> None: ...
