from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Flat

class Update(Flat):
    factor: float

class SGD(Update):
    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        velocity: Tensor | None = None,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None: ...

class Adam(Update):
    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        m: Tensor,
        v: Tensor,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
    ) -> None: ...

class Nadam(Adam):
    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        m: Tensor,
        v: Tensor,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
        weight_decay: float = 0.0,
    ) -> None: ...

class Lion(Update):
    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        m: Tensor,
        *,
        beta1: float = 0.9,
        beta2: float = 0.99,
        weight_decay: float = 0.0,
    ) -> None: ...
