from fastnn.engine.op import ChunkedOp
from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Elementwise

class Mask(ChunkedOp):
    def __init__(self, x: Tensor, legal: Tensor, y: Tensor) -> None: ...
    def explain(self, place: int) -> Exception: ...

class MaskGradient(Elementwise):
    def __init__(self, dy: Tensor, legal: Tensor, dx: Tensor) -> None: ...
