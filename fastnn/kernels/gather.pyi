from fastnn.engine.op import ChunkedOp, Op
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor

CHECKS: tuple[str, ...]

class Gathered(ChunkedOp):
    def explain(self, place: int) -> Exception: ...

class Gather(Gathered):
    def __init__(
        self, port: Port, y: Tensor, lengths: Tensor | None = None, *, check: str = "finite", width: int | None = None
    ) -> None: ...
    def complain(self, place: int) -> Exception: ...

class GatherActions(Gather):
    def __init__(self, port: Port, y: Tensor, lengths: Tensor | None = None, *, actions: int, width: int) -> None: ...
    def complain(self, place: int) -> Exception: ...

class GatherLabels(Gathered):
    def __init__(
        self,
        port: Port,
        y: Tensor,
        weight: Tensor | None = None,
        kept: Tensor | None = None,
        lengths: Tensor | None = None,
        *,
        classes: int,
        ignore: int | None = None,
        what: str = "label",
    ) -> None: ...
    def complain(self, place: int) -> Exception: ...

class Scatter(Op):
    def __init__(self, x: Tensor, port: Port) -> None: ...
    def explain(self, place: int) -> Exception: ...
