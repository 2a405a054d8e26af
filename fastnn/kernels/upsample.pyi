from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import ImageRows

class Upsampling(ImageRows): ...

class Bilinear(Upsampling):
    def __init__(self, x: Tensor, y: Tensor, picture: tuple[int, int], scale: tuple[int, int]) -> None: ...

class BilinearGradient(Upsampling):
    def __init__(self, dy: Tensor, dx: Tensor, picture: tuple[int, int], scale: tuple[int, int]) -> None: ...
