from collections.abc import Callable

import numpy as np

from fastnn.engine.tensor import Tensor
from fastnn.kernels.loss import Loss

class OwnLoss(Loss):
    def __init__(
        self,
        x: Tensor,
        target: Tensor | None,
        dx: Tensor,
        weight: Tensor | None = None,
        *,
        function: Callable[..., tuple[float, np.ndarray]],
        name: str,
        shape: tuple[int, ...] | None = None,
        target_shape: tuple[int, ...] | None = None,
        weighted: bool = False,
        finite: bool = False,
    ) -> None: ...
    def explain(self, place: int) -> Exception: ...
