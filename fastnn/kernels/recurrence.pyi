from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels.dense import Packed
from fastnn.kernels.packing import Prepared
from fastnn.kernels.steps import Steps

class Recurrence(Prepared):
    def take(
        self,
        z: Tensor,
        weight: Tensor | Packed,
        steps: Steps,
        h: Tensor,
        gates: int,
        by_step: dict[str, tuple[Tensor | None, int]],
        by_row: dict[str, Tensor | None],
        reverse: bool,
        transposed: bool,
    ) -> None: ...

class Forward(Recurrence):
    def take_forward(
        self,
        z: Tensor,
        weight: Tensor | Packed,
        steps: Steps,
        h: Tensor,
        c: Any,
        gates: int,
        y: Any,
        last_h: Any,
        last_c: Any,
        before: Any,
        cells: Any,
        h0: Any,
        c0: Any,
        mask: Any,
        plain: Any,
        sums: Any,
        reverse: bool,
    ) -> None: ...

class Backward(Recurrence):
    def take_backward(
        self,
        z: Tensor,
        weight: Tensor,
        steps: Steps,
        h: Tensor,
        c: Any,
        gates: int,
        before: Any,
        cells: Any,
        dy: Any,
        dlast_h: Any,
        dlast_c: Any,
        dh0: Any,
        dc0: Any,
        mask: Any,
        sums: Any,
        reverse: bool,
    ) -> None: ...
