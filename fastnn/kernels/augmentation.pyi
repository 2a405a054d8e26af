from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Elementwise

class Uniform(Elementwise):
    def __init__(self, y: Tensor, *, seed: int, stream: int) -> None: ...

class Pictures(Op): ...

class FlipShift(Pictures):
    def __init__(
        self,
        x: Tensor,
        u: Tensor,
        y: Tensor,
        *,
        shape: tuple[int, ...],
        flip: tuple[bool, ...] = (False, False),
        pixels: tuple[int, ...] = (0, 0),
        transposed: bool = False,
    ) -> None: ...

class Rotate(Pictures):
    def __init__(
        self, x: Tensor, u: Tensor, y: Tensor, *, shape: tuple[int, ...], degrees: float, transposed: bool = False
    ) -> None: ...

class Brightness(Pictures):
    def __init__(
        self, x: Tensor, u: Tensor, y: Tensor, *, shape: tuple[int, ...], amount: float, transposed: bool = False
    ) -> None: ...

class Contrast(Pictures):
    def __init__(
        self, x: Tensor, u: Tensor, y: Tensor, *, shape: tuple[int, ...], amount: float, transposed: bool = False
    ) -> None: ...

class Cutout(Pictures):
    def __init__(
        self, x: Tensor, u: Tensor, y: Tensor, *, shape: tuple[int, ...], side: int, transposed: bool = False
    ) -> None: ...
