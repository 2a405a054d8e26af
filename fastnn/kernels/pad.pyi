from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.axis import Axis

class Pad(Op):
    def __init__(self, x: Tensor, y: Tensor, rows: Axis, columns: Axis) -> None: ...
