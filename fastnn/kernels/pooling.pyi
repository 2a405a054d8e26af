from fastnn.engine.tensor import Tensor
from fastnn.kernels.axis import Axis
from fastnn.kernels.sharing import ImageRows

MOST_TAPS: int

class Pooling(ImageRows): ...

class MaxPool(Pooling):
    def __init__(self, x: Tensor, y: Tensor, rows: Axis, columns: Axis, place: Tensor | None = None) -> None: ...

class MaxPoolGradient(Pooling):
    def __init__(self, place: Tensor, dy: Tensor, dx: Tensor, rows: Axis, columns: Axis) -> None: ...

class AveragePool(Pooling):
    def __init__(self, x: Tensor, y: Tensor, rows: Axis, columns: Axis, *, mean: bool = True) -> None: ...

class AveragePoolGradient(Pooling):
    def __init__(self, dy: Tensor, dx: Tensor, rows: Axis, columns: Axis, *, mean: bool = True) -> None: ...
