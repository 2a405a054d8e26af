from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.axis import Axis
from fastnn.kernels.convolution import Convolution, Filter

def window(columns: Axis) -> tuple[Axis, Axis]: ...

class Position(Op):
    def __init__(self, count: Tensor, present: Tensor, *, most: int) -> None: ...
    def explain(self, place: int) -> Exception: ...

class Advance(Op):
    def __init__(self, count: Tensor, *, size: int) -> None: ...

class Append(Op):
    def __init__(self, x: Tensor, present: Tensor, cache: Tensor, *, start: int = 0) -> None: ...

class StepConvolution(Convolution):
    def __init__(
        self,
        x: Tensor,
        ring: Tensor,
        place: Tensor,
        weight: Tensor | Filter,
        bias: Tensor | None,
        y: Tensor,
        columns: Axis,
        groups: int = 1,
        activation: str = "identity",
    ) -> None: ...
