import numpy as np

from fastnn.engine.op import ChunkedOp
from fastnn.engine.tensor import Tensor
from fastnn.kernels.meter import Meter
from fastnn.kernels.sharing import Elementwise

class Weight:
    def __init__(self, array: np.ndarray) -> None: ...

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
        weight: np.ndarray,
        seed: int,
        stream: int,
        sampled: bool = True,
    ) -> None: ...

class NormalDivergence(ChunkedOp):
    def __init__(self, mean: Tensor, s: Tensor, loss: Meter, *, weight: np.ndarray) -> None: ...
