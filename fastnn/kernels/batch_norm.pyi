from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.channels import Channels, ColumnSums

class BatchNormMoments(ColumnSums):
    def __init__(self, x: Tensor, mean: Tensor, variance: Tensor) -> None: ...
    def explain(self, place: int) -> Exception: ...

class BatchNorm(Channels):
    def __init__(
        self,
        x: Tensor,
        mean: Tensor,
        variance: Tensor,
        gamma: Tensor,
        beta: Tensor,
        y: Tensor,
        *,
        epsilon: float,
        activation: str = "identity",
        z: Tensor | None = None,
    ) -> None: ...

class BatchNormWeightGradient(ColumnSums):
    def __init__(
        self,
        x: Tensor,
        dy: Tensor,
        mean: Tensor,
        variance: Tensor,
        shift: Tensor,
        slope: Tensor,
        dgamma: Tensor,
        dbeta: Tensor,
        *,
        epsilon: float,
        add: bool = False,
    ) -> None: ...

class BatchNormInputGradient(Channels):
    def __init__(
        self,
        x: Tensor,
        dy: Tensor,
        mean: Tensor,
        variance: Tensor,
        shift: Tensor,
        slope: Tensor,
        gamma: Tensor,
        dx: Tensor,
        *,
        epsilon: float,
    ) -> None: ...

class BatchNormRunning(Op):
    def __init__(
        self,
        mean: Tensor,
        variance: Tensor,
        running_mean: Tensor,
        running_variance: Tensor,
        *,
        momentum: float,
        groups: int = 1,
        seen: Tensor | None = None,
    ) -> None: ...
    @property
    def capacity(self) -> int: ...
