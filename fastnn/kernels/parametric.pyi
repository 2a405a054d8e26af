from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Elementwise

PARAMETRIC: tuple[str, ...]

def number(function: str) -> int: ...

class Parametric(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, *, function: str, first: float, second: float = 0.0) -> None: ...

class ParametricGradient(Elementwise):
    def __init__(
        self, x: Tensor, dy: Tensor, dx: Tensor, *, function: str, first: float, second: float = 0.0
    ) -> None: ...
