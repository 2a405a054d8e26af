from fastnn.engine.tensor import Tensor
from fastnn.kernels.channels import Channels, ColumnSums

class LayerNorm(Channels):
    def __init__(
        self, x: Tensor, gamma: Tensor, beta: Tensor | None, moments: Tensor, y: Tensor, *, epsilon: float
    ) -> None: ...

class LayerNormWeightGradient(ColumnSums):
    def __init__(
        self, x: Tensor, dy: Tensor, moments: Tensor, dgamma: Tensor, dbeta: Tensor | None, *, add: bool = False
    ) -> None: ...

class LayerNormInputGradient(Channels):
    def __init__(
        self, x: Tensor, dy: Tensor, moments: Tensor, gamma: Tensor, dx: Tensor, *, centred: bool = True
    ) -> None: ...
