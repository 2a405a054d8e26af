from fastnn.engine.tensor import Tensor
from fastnn.kernels.loss import Loss

class Policy(Loss): ...

class PolicyGradient(Policy):
    def __init__(
        self,
        x: Tensor,
        target: Tensor,
        dx: Tensor,
        log_p: Tensor,
        weight: Tensor | None = None,
        *,
        clip: float | None = 0.2,
        entropy: float = 0.0,
        normalize: bool = False,
        finite: bool = False,
    ) -> None: ...
    def explain(self, place: int) -> Exception: ...

class GaussianPolicyGradient(Policy):
    def __init__(
        self,
        x: Tensor,
        target: Tensor,
        dx: Tensor,
        weight: Tensor | None = None,
        *,
        clip: float | None = 0.2,
        entropy: float = 0.0,
        normalize: bool = False,
        finite: bool = False,
    ) -> None: ...
