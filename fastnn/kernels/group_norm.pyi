from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class OfGroups(Op): ...

class GroupNorm(OfGroups):
    def __init__(
        self, x: Tensor, gamma: Tensor, beta: Tensor, moments: Tensor, y: Tensor, *, groups: int, epsilon: float
    ) -> None: ...

class GroupNormGradient(OfGroups):
    def __init__(
        self,
        x: Tensor,
        dy: Tensor,
        moments: Tensor,
        gamma: Tensor,
        dx: Tensor | None,
        dgamma: Tensor | None,
        dbeta: Tensor | None,
        *,
        groups: int,
        epsilon: float,
        add: bool = False,
    ) -> None: ...
