from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class Rotary(Op):
    def __init__(
        self,
        x: Tensor,
        cosine: Tensor,
        sine: Tensor,
        y: Tensor,
        present: Tensor | None = None,
        *,
        heads: int,
        back: bool = False,
    ) -> None: ...
