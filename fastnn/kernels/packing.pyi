from typing import Any

from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class Packing(Op):
    @property
    def weight(self) -> Tensor: ...
    @property
    def panels(self) -> Tensor: ...
    @property
    def given(self) -> Any: ...

class Prepared(Op): ...
