from fastnn.data.transitions import Transitions
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class Sample(Op):
    def __init__(
        self,
        memory: Transitions,
        observation: Tensor,
        next_observation: Tensor,
        action: Tensor,
        reward: Tensor,
        discount: Tensor,
        weight: Tensor | None = None,
        *,
        beta: float = 0.4,
    ) -> None: ...
    def explain(self, place: int) -> Exception: ...

class Prioritize(Op):
    def __init__(self, sample: Sample, x: Tensor, target: Tensor) -> None: ...
