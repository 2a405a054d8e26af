from fastnn.engine.tensor import Tensor
from fastnn.kernels.optimizer import Update

class RMSprop(Update):
    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        v: Tensor,
        mean: Tensor | None = None,
        buffer: Tensor | None = None,
        *,
        rho: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None: ...

class Adagrad(Update):
    def __init__(
        self, parameters: Tensor, gradients: Tensor, v: Tensor, *, epsilon: float = 1e-10, weight_decay: float = 0.0
    ) -> None: ...

class Adadelta(Update):
    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        v: Tensor,
        u: Tensor,
        *,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None: ...

class Rprop(Update):
    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        before: Tensor,
        size: Tensor,
        *,
        shrink: float = 0.5,
        grow: float = 1.2,
        smallest: float = 1e-6,
        largest: float = 50.0,
    ) -> None: ...
