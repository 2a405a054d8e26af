from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.axis import Axis

class Depthwise(Op):
    def __init__(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        y: Tensor,
        rows: Axis,
        columns: Axis,
        activation: str = "identity",
        z: Tensor | None = None,
    ) -> None: ...

class DepthwiseGradient(Op):
    def __init__(
        self,
        x: Tensor,
        weight: Tensor,
        dy: Tensor,
        dx: Tensor | None,
        dweight: Tensor | None,
        dbias: Tensor | None,
        rows: Axis,
        columns: Axis,
        activation: str = "identity",
        source: Tensor | None = None,
        *,
        add: bool = False,
    ) -> None: ...
