from fastnn.kernels.elementary import Elementwise
from fastnn.tensor import Tensor

class Update(Elementwise): ...

class SGD(Update):
    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        velocity: Tensor | None = ...,
        *,
        momentum: float = ...,
        nesterov: bool = ...,
    ) -> None: ...

class Adam(Update):
    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        m: Tensor,
        v: Tensor,
        *,
        beta1: float = ...,
        beta2: float = ...,
        epsilon: float = ...,
        weight_decay: float = ...,
    ) -> None: ...
