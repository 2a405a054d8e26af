from fastnn.engine.tensor import Tensor
from fastnn.kernels.dense import Packed
from fastnn.kernels.packing import Prepared
from fastnn.kernels.steps import Steps

class Recurrence(Prepared): ...

class Forward(Recurrence):
    def take_forward(
        self,
        z: Tensor,
        weight: Tensor | Packed,
        steps: Steps,
        h: Tensor,
        *,
        gates: int,
        reverse: bool,
        c: Tensor | None = None,
        y: Tensor | None = None,
        last_h: Tensor | None = None,
        last_c: Tensor | None = None,
        before: Tensor | None = None,
        cells: Tensor | None = None,
        plain: Tensor | None = None,
        sums: Tensor | None = None,
        h0: Tensor | None = None,
        c0: Tensor | None = None,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> None: ...

class Backward(Recurrence):
    def take_backward(
        self,
        z: Tensor,
        weight: Tensor,
        steps: Steps,
        h: Tensor,
        *,
        gates: int,
        reverse: bool,
        c: Tensor | None = None,
        before: Tensor | None = None,
        cells: Tensor | None = None,
        sums: Tensor | None = None,
        dy: Tensor | None = None,
        dlast_h: Tensor | None = None,
        dlast_c: Tensor | None = None,
        dh0: Tensor | None = None,
        dc0: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> None: ...
