from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class Upsampling(Op): ...

class Bilinear(Upsampling):
    def __init__(self, x: Tensor, y: Tensor, picture: tuple[int, int], scale: tuple[int, int]) -> None: ...

class BilinearGradient(Upsampling):
    def __init__(self, dy: Tensor, dx: Tensor, picture: tuple[int, int], scale: tuple[int, int]) -> None: ...
