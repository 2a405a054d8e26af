from fastnn.engine.tensor import Tensor
from fastnn.kernels.cross_entropy import CrossEntropy

class LinearCrossEntropy(CrossEntropy):
    def __init__(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        label: Tensor,
        dx: Tensor | None,
        dweight: Tensor | None,
        dbias: Tensor | None,
        weight_of_row: Tensor | None = None,
        *,
        at_once: int,
        add: bool = False,
        finite: bool = False,
    ) -> None: ...
