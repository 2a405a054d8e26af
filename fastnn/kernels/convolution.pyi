from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.axis import Axis
from fastnn.kernels.packing import Packing, Prepared

class Filter(Packing):
    def __init__(
        self, weight: Tensor, rows: Axis, columns: Axis, groups: int = 1, transposed: bool = False
    ) -> None: ...

class Convolution(Prepared):
    def __init__(
        self,
        x: Tensor,
        weight: Tensor | Filter,
        bias: Tensor | None,
        y: Tensor,
        rows: Axis,
        columns: Axis,
        groups: int = 1,
        transposed: bool = False,
        activation: str = "identity",
        z: Tensor | None = None,
        source: Tensor | None = None,
    ) -> None: ...

class ConvolutionWeightGradient(Op):
    def __init__(
        self, x: Tensor, dy: Tensor, dweight: Tensor, rows: Axis, columns: Axis, groups: int = 1, *, add: bool = False
    ) -> None: ...

class ChannelSum(Op):
    def __init__(self, x: Tensor, y: Tensor, *, add: bool = False) -> None: ...
