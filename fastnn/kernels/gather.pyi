from fastnn.op import ChunkedOp, Op
from fastnn.port import Port
from fastnn.tensor import Tensor

CHECKS: tuple[str, ...]

class Gathered(ChunkedOp): ...

class Gather(Gathered):
    def __init__(self, port: Port, y: Tensor, *, check: str = ...) -> None: ...

class GatherLabels(Gathered):
    def __init__(self, port: Port, y: Tensor, *, classes: int) -> None: ...

class Scatter(Op):
    def __init__(self, x: Tensor, port: Port) -> None: ...
