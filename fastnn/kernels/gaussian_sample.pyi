from typing import Any

from fastnn.engine.op import ChunkedOp
from fastnn.engine.tensor import Tensor
from fastnn.kernels.meter import Meter
from fastnn.kernels.sharing import Elementwise

class Beta:
    def __init__(self, setting: Any) -> None: ...
    def set(self, setting: Any) -> None: ...

class GaussianSample(Elementwise):
    def __init__(self, mean: Tensor, s: Tensor, z: Tensor, *, seed: int, stream: int) -> None: ...

class GaussianSampleGradient(Elementwise):
    def __init__(
        self,
        mean: Tensor,
        s: Tensor,
        dz: Tensor,
        dmean: Tensor,
        ds: Tensor,
        *,
        beta: Beta,
        seed: int,
        stream: int,
        sampled: bool = True,
    ) -> None: ...
    def explain(self, place: int) -> BaseException: ...

class NormalDivergence(ChunkedOp):
    def __init__(self, mean: Tensor, s: Tensor, loss: Meter, *, beta: Beta) -> None: ...
    def explain(self, place: int) -> BaseException: ...
