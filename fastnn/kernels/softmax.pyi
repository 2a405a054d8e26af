from fastnn.kernels.elementary import Elementwise
from fastnn.tensor import Tensor

class Rows(Elementwise): ...

class Softmax(Rows):
    def __init__(self, x: Tensor, y: Tensor) -> None: ...

class SoftmaxGradient(Rows):
    def __init__(self, y: Tensor, dy: Tensor, dx: Tensor) -> None: ...
