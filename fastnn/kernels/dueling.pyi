from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Rows

class Advantages(Rows):
    def __init__(self, z: Tensor, y: Tensor) -> None: ...

class Dueling(Advantages): ...

class DuelingGradient(Advantages):
    def __init__(self, dy: Tensor, dz: Tensor) -> None: ...
