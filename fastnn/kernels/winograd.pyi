from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.axis import Axis

def takes(rows: Axis, columns: Axis, groups: int, shape: tuple[int, ...]) -> bool: ...
def suits(rows: Axis, columns: Axis, groups: int, shape: tuple[int, ...]) -> bool: ...

class WinogradFilter(Op):
    @property
    def weight(self) -> Tensor: ...
    @property
    def panels(self) -> Tensor: ...
    @property
    def given(self) -> tuple[Axis, Axis, bool]: ...
    def __init__(
        self, weight: Tensor, rows: Axis, columns: Axis, groups: int = 1, transposed: bool = False
    ) -> None: ...

class Winograd(Op):
    def __init__(
        self,
        x: Tensor,
        weight: Tensor | WinogradFilter,
        bias: Tensor | None,
        y: Tensor,
        rows: Axis,
        columns: Axis,
        groups: int = 1,
        transposed: bool = False,
        activation: str = "identity",
        z: Tensor | None = None,
        source: Tensor | None = None,
    ) -> None: ...

class WinogradWeightGradient(Op):
    def __init__(
        self, x: Tensor, dy: Tensor, dweight: Tensor, rows: Axis, columns: Axis, groups: int = 1, *, add: bool = False
    ) -> None: ...
