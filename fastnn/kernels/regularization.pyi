from fastnn.engine.tensor import Tensor
from fastnn.kernels.meter import Meter
from fastnn.kernels.sharing import Flat, FlatSum

class Penalties(Meter):
    def __init__(self, loss: Meter | None = None) -> None: ...
    @property
    def capacity(self) -> int: ...

class Penalty(FlatSum):
    def __init__(
        self, weight: Tensor, gradient: Tensor | None, loss: Meter | None, *, l1: float = 0.0, l2: float = 0.0
    ) -> None: ...

class SquaredNorm(FlatSum):
    @property
    def value(self) -> float: ...
    def __init__(self, x: Tensor, before: SquaredNorm | None = None) -> None: ...

class Clip(Flat):
    def __init__(self, gradients: Tensor, *, limit: float) -> None: ...

class ClipNorm(Clip):
    def __init__(self, gradients: Tensor, norm: SquaredNorm, *, limit: float) -> None: ...

class MaxNorm(Flat):
    def __init__(self, weight: Tensor, *, limit: float) -> None: ...

class Average(Flat):
    def __init__(self, x: Tensor, mean: Tensor, *, decay: float, starts: bool = True) -> None: ...
