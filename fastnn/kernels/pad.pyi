from fastnn.kernels.axis import Axis
from fastnn.op import Op
from fastnn.tensor import Tensor

class Pad(Op):
    def __init__(self, x: Tensor, y: Tensor, rows: Axis, columns: Axis) -> None: ...
