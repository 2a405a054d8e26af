from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

def largest_head() -> int: ...

class Heads(Op): ...

class Attention(Heads):
    def __init__(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        y: Tensor,
        moments: Tensor,
        lengths: Tensor | None = None,
        memory_lengths: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        times: tuple[int, int],
        heads: tuple[int, int],
        size: int,
        starts: tuple[int, int, int] = (0, 0, 0),
        causal: bool = False,
        scale: float = 1.0,
        rate: float = 0.0,
        random: tuple[int, int] = (0, 0),
    ) -> None: ...

class AttentionGradient(Heads):
    def __init__(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        y: Tensor,
        moments: Tensor,
        dy: Tensor,
        dq: Tensor,
        dk: Tensor,
        dv: Tensor,
        lengths: Tensor | None = None,
        memory_lengths: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        times: tuple[int, int],
        heads: tuple[int, int],
        size: int,
        starts: tuple[int, int, int] = (0, 0, 0),
        causal: bool = False,
        scale: float = 1.0,
        rate: float = 0.0,
        random: tuple[int, int] = (0, 0),
    ) -> None: ...
